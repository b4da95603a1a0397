package monitoring_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// Prometheus's own parser is a Go package, but its module brings a whole cloud's clients with it.
// What is needed here is less: which metrics and labels an expression speaks of. So this reads
// the tokens of PromQL and the shape of its brackets, and knows no types; promtool, where it is
// installed, is the judge of the rest.

// selector is a metric with its matchers, as in requests{status="500"}.
type selector struct {
	metric   string
	matchers []matcher
}

type matcher struct{ label, op, value string }

// uses is what an expression speaks of.
type uses struct {
	selectors []selector
	grouped   []string // labels in by (…), without (…), ignoring (…) and the like
}

var token = regexp.MustCompile(`^(?:\s+|[a-zA-Z_:][a-zA-Z0-9_:]*|"(?:[^"\\]|\\.)*"|[0-9][0-9a-zA-Z.]*|=~|!~|!=|==|<=|>=|[-+*/%^=<>(){}\[\],])`)

var (
	word      = regexp.MustCompile(`^[a-zA-Z_:]`)
	groupings = []string{"by", "without", "on", "ignoring", "group_left", "group_right"}
	operators = []string{"and", "or", "unless", "bool"}
	functions = []string{"sum", "max", "min", "avg", "count", "rate", "increase", "changes", "absent", "histogram_quantile"}
)

func tokens(expr string) (list []string, err error) {
	for expr != "" {
		t := token.FindString(expr)
		if t == "" {
			return nil, fmt.Errorf("no token at %.10q", expr)
		}
		expr = expr[len(t):]
		if t[0] != ' ' && t[0] != '\n' && t[0] != '\t' {
			list = append(list, t)
		}
	}
	return list, nil
}

func parsePromQL(expr string) (u uses, err error) {
	list, err := tokens(expr)
	if err != nil {
		return u, err
	}
	at := func(i int) string {
		if i < len(list) {
			return list[i]
		}
		return ""
	}
	var open []string
	closes := map[string]string{")": "(", "]": "[", "}": "{"}
	for i := 0; i < len(list); i++ {
		t := list[i]
		switch {
		case t == "(" || t == "[":
			open = append(open, t)
		case closes[t] != "":
			if len(open) == 0 || open[len(open)-1] != closes[t] {
				return u, fmt.Errorf("a %s without its %s", t, closes[t])
			}
			open = open[:len(open)-1]
		case t == "{":
			return u, errors.New("matchers without a metric")
		case !word.MatchString(t) || slices.Contains(operators, t):
		case slices.Contains(groupings, t):
			if at(i+1) != "(" {
				continue // group_left alone
			}
			for i += 2; at(i) != ")"; i++ {
				if !word.MatchString(at(i)) && at(i) != "," {
					return u, fmt.Errorf("%q among labels", at(i))
				}
				if at(i) != "," {
					u.grouped = append(u.grouped, at(i))
				}
			}
		case slices.Contains(functions, t):
			if at(i+1) != "(" && !slices.Contains(groupings, at(i+1)) {
				return u, fmt.Errorf("%s without arguments", t)
			}
		case at(i+1) == "(":
			return u, fmt.Errorf("unknown function %s", t)
		default:
			s := selector{metric: t}
			if at(i+1) == "{" {
				for i += 2; at(i) != "}"; i += 3 {
					if len(s.matchers) > 0 {
						if at(i) != "," {
							return u, fmt.Errorf("no comma before %s", at(i))
						}
						i++
					}
					value, err := strconv.Unquote(at(i + 2))
					if !word.MatchString(at(i)) || !slices.Contains([]string{"=", "!=", "=~", "!~"}, at(i+1)) || err != nil {
						return u, fmt.Errorf("%s %s %s is no matcher", at(i), at(i+1), at(i+2))
					}
					s.matchers = append(s.matchers, matcher{at(i), at(i + 1), value})
				}
			}
			u.selectors = append(u.selectors, s)
		}
	}
	if len(open) > 0 {
		return u, fmt.Errorf("%s is not closed", open[len(open)-1])
	}
	return u, nil
}

// The check of expressions is itself worth nothing unless it fails where it should.
func TestParsePromQL(t *testing.T) {
	u, err := parsePromQL(`sum by (a, le) (rate(m_bucket{b="x", c=~"y|z"}[5m])) / ignoring (d) group_left n > 1 / 60 and absent(o)`)
	got := fmt.Sprint(u)
	const want = `{[{m_bucket [{b = x} {c =~ y|z}]} {n []} {o []}] [a le d]}`
	if err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for _, expr := range []string{"sum(m", "sum(m))", "m[5m", "rate(m[5m)", `m{a}`, `m{a="b"`, `m{a="b" c="d"}`, `m{="b"}`, "ratte(m[5m])", "sum", "m ; n", `{a="b"}`, "sum by (1) (m)", "sum by (a"} {
		if u, err := parsePromQL(expr); err == nil {
			t.Errorf("%s is taken for %v", expr, u)
		}
	}
}
