package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kind is what a variable accepts: a phrase for people, and a function that checks a text and
// stores it. The error of set says what is wrong and leaves out what was found and what is
// allowed, which are added for all kinds alike.
type kind struct {
	allowed string
	set     func(text string) error
}

var errRange = errors.New("out of range")

func host(to *string) kind {
	return kind{"an IP address", func(text string) error {
		if text == "" {
			*to = ""
			return nil
		}
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return errors.New("not an IP address")
		}
		*to = addr.String()
		return nil
	}}
}

func integer(to *int, least, most int) kind {
	return kind{fmt.Sprintf("%d to %d", least, most), func(text string) error {
		n, err := strconv.Atoi(text)
		if errors.Is(err, strconv.ErrRange) {
			return errRange
		}
		if err != nil {
			return errors.New("not a whole number")
		}
		if n < least || n > most {
			return errRange
		}
		*to = n
		return nil
	}}
}

// databaseURL takes the form of a URL only; the database driver understands the rest of it. Its
// errors leave out the reason that [url.Parse] gives, because that quotes the text.
func databaseURL(to *string) kind {
	return kind{"postgres://USER:PASSWORD@HOST:PORT/NAME", func(text string) error {
		if text == "" {
			*to = ""
			return nil
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
			return errors.New("not a PostgreSQL URL")
		}
		*to = text
		return nil
	}}
}

func folder(to *string) kind {
	return kind{"a path", func(text string) error {
		if text == "" || strings.ContainsRune(text, 0) {
			return errors.New("not a path")
		}
		*to = text
		return nil
	}}
}

// boolean takes two words and no others: "no", "off" and "0" are read differently by every
// tool on the way here, and a switch that is on by mistake is worse than a refusal to start.
func boolean(to *bool) kind {
	return kind{"true or false", func(text string) error {
		if text != "true" && text != "false" {
			return errors.New("neither true nor false")
		}
		*to = text == "true"
		return nil
	}}
}

func oneOf(to *string, words ...string) kind {
	return kind{strings.Join(words, " or "), func(text string) error {
		if !slices.Contains(words, text) {
			return errors.New("not a known word")
		}
		*to = text
		return nil
	}}
}

func level(to *slog.Level) kind {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	return kind{"debug, info, warn or error", func(text string) error {
		l, ok := levels[text]
		if !ok {
			return errors.New("not a level")
		}
		*to = l
		return nil
	}}
}

func duration(to *time.Duration, least, most time.Duration) kind {
	return kind{brief(least) + " to " + brief(most), func(text string) error {
		d, err := parseDuration(text)
		if err != nil {
			return err
		}
		if d < least || d > most {
			return errRange
		}
		*to = d
		return nil
	}}
}

// startupDelay keeps the very words of the system that the slow boot comes from; people search
// their logs for them.
func startupDelay(to *time.Duration) kind {
	return kind{"0, or 5s to 15s", func(text string) error {
		d, err := parseDuration(text)
		if err != nil || d != 0 && (d < 5*time.Second || d > 15*time.Second) {
			return errors.New("coalesce time must be between 5 and 15 seconds")
		}
		*to = d
		return nil
	}}
}

// parseDuration reads "1m30s" as well as a bare number, which is seconds.
func parseDuration(text string) (time.Duration, error) {
	if text != "" && text[len(text)-1] >= '0' && text[len(text)-1] <= '9' {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errors.New("not a time")
	}
	return d, nil
}

// brief writes 5m where time.Duration would write 5m0s.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

var units = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}}

func size[T int | int64](to *T, least, most int64) kind {
	return kind{bytesText(least) + " to " + bytesText(most) + ", or a number of bytes", func(text string) error {
		digits, unit := text, int64(1)
		for _, u := range units {
			if d, ok := strings.CutSuffix(text, u.suffix); ok {
				digits, unit = d, u.bytes
			}
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if errors.Is(err, strconv.ErrRange) {
			return errRange
		}
		if err != nil {
			return errors.New("not a size")
		}
		if n < 0 || n > math.MaxInt64/unit || n*unit < least || n*unit > most {
			return errRange
		}
		*to = T(n * unit)
		return nil
	}}
}

func bytesText(n int64) string {
	for _, u := range slices.Backward(units) {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}

func prefixes(to *[]netip.Prefix) kind {
	return kind{"IP addresses and CIDR ranges, separated by commas", func(text string) error {
		var list []netip.Prefix
		for item := range strings.SplitSeq(text, ",") {
			item = strings.TrimSpace(item)
			if item == "" {
				continue
			}
			p, err := parsePrefix(item)
			if err != nil {
				return fmt.Errorf("%s is neither an IP address nor a CIDR range", quote(item))
			}
			list = append(list, p)
		}
		*to = list
		return nil
	}}
}

func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		return p.Masked(), err
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	// The zone names an interface of this machine; a peer's address never matches it.
	addr = addr.Unmap().WithZone("")
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}
