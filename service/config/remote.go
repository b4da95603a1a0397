package config

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"gitlab.com/towpath/towpath/service/redis"
)

// Tracing is the part of the configuration that OpenTelemetry has given its own names, see
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
type Tracing struct {
	Disabled       bool
	Exporter       string // "otlp" or "none"
	Protocol       string // "http/protobuf"
	Endpoint       string // base URL of a collector
	TracesEndpoint string // URL that takes traces; wins over Endpoint
	Headers        map[string]string
	Service        string
	Resource       map[string]string
	Sampler        string
	SamplerArg     float64 // 0 to 1
}

// On tells whether traces are wanted.
func (t Tracing) On() bool { return !t.Disabled && t.Exporter != "none" && t.URL() != "" }

// URL is where traces go, or "".
func (t Tracing) URL() string {
	if t.TracesEndpoint == "" && t.Endpoint != "" {
		return strings.TrimSuffix(t.Endpoint, "/") + "/v1/traces"
	}
	return t.TracesEndpoint
}

var samplers = []string{"always_on", "always_off", "traceidratio",
	"parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}

// webURL takes the address of another system.
func webURL(to *string) kind {
	return kind{"an http or https URL", func(text string) error {
		if text == "" {
			*to = ""
			return nil
		}
		u, err := url.Parse(text) // its error repeats the text
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" {
			return errors.New("not an http or https URL")
		}
		*to = text
		return nil
	}}
}

// text takes anything.
func text(to *string) kind {
	return kind{"any text", func(text string) error {
		*to = text
		return nil
	}}
}

func redisAddress(to *redis.Address) kind {
	return kind{"redis://, rediss:// or unix:// URL", func(text string) (err error) {
		*to = redis.Address{}
		if text != "" {
			*to, err = redis.ParseAddress(text)
		}
		return err
	}}
}

// pairs takes "key=value,key=value" as OpenTelemetry writes it, values percent-encoded.
func pairs(to *map[string]string) kind {
	return kind{"key=value pairs, separated by commas", func(text string) error {
		m := map[string]string{}
		for item := range strings.SplitSeq(text, ",") {
			if strings.TrimSpace(item) == "" {
				continue
			}
			key, value, ok := strings.Cut(item, "=")
			key = strings.TrimSpace(key)
			value, err := url.PathUnescape(strings.TrimSpace(value))
			if !ok || key == "" || strings.ContainsAny(key, " \t\r\n:") || err != nil || strings.ContainsAny(value, "\r\n\x00") {
				return errors.New("not key=value pairs") // which one stays unsaid: a value may be a key to something
			}
			m[key] = value
		}
		*to = m
		return nil
	}}
}

func ratio(to *float64) kind {
	return kind{"0 to 1", func(text string) error {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return errors.New("not a number")
		}
		if !(f >= 0 && f <= 1) { // as NaN is neither
			return errRange
		}
		*to = f
		return nil
	}}
}

// joinPasswords puts passwords that were given apart, as charts and operators of databases hand
// them out, into the URLs that they belong to.
func (c *Config) joinPasswords() (problems []string) {
	if c.databasePassword != "" {
		u, err := url.Parse(c.DatabaseURL) // not an error that was not reported already
		if err == nil {
			_, has := u.User.Password()
			if problem := passwordProblem("DATABASE", c.DatabaseURL != "", has); problem != "" {
				problems = append(problems, problem)
			} else {
				u.User = url.UserPassword(u.User.Username(), c.databasePassword)
				c.DatabaseURL = u.String()
			}
		}
	}
	if c.redisPassword != "" {
		if problem := passwordProblem("REDIS", !c.RedisURL.IsZero(), c.RedisURL.HasPassword()); problem != "" {
			problems = append(problems, problem)
		} else {
			c.RedisURL = c.RedisURL.WithPassword(c.redisPassword)
		}
	}
	c.databasePassword, c.redisPassword = "", ""
	return problems
}

func passwordProblem(system string, hasURL, hasPassword bool) string {
	switch {
	case !hasURL:
		return system + "_PASSWORD: there is no " + system + "_URL for it (allowed: both, or neither)"
	case hasPassword:
		return system + "_PASSWORD: " + system + "_URL has a password too (allowed: one of them)"
	}
	return ""
}
