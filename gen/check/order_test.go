package check_test

import (
	"slices"
	"testing"

	"gitlab.com/towpath/towpath/gen/check"
	"gitlab.com/towpath/towpath/gen/environment"
)

func TestOrder(t *testing.T) {
	for name, c := range map[string]struct {
		from map[string]string
		// invalid are environments that there are, and that can't be loaded.
		invalid []string
		want    []string
	}{
		"a street":        {from: map[string]string{"dev": "", "test": "dev", "acceptance": "test", "prod": "acceptance"}},
		"two from one":    {from: map[string]string{"dev": "", "eu": "dev", "us": "dev"}},
		"none":            {from: map[string]string{"dev": "", "prod": ""}},
		"from an invalid": {from: map[string]string{"prod": "stage"}, invalid: []string{"stage"}},
		"unknown": {
			from: map[string]string{"dev": "", "prod": "stag"},
			want: []string{"prod is promoted from stag, and there is no such environment"},
		},
		"itself": {from: map[string]string{"prod": "prod"}, want: []string{"prod is promoted from itself"}},
		"a circle, and a way into it": {
			from: map[string]string{"a": "b", "b": "c", "c": "a", "d": "a"},
			want: []string{
				"a is promoted from itself: a from b from c from a", "b is promoted from itself: b from c from a from b", "c is promoted from itself: c from a from b from c",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var envs []*environment.Environment
			names := c.invalid
			for env, from := range c.from {
				envs = append(envs, &environment.Environment{Name: env, Delivery: environment.Delivery{PromotedFrom: from}})
				names = append(names, env)
			}
			slices.Sort(names)
			var got []string
			for _, f := range check.Order(envs, names) {
				got = append(got, f.Message)
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, not %q", got, c.want)
			}
		})
	}
}
