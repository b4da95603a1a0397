package policy

import (
	"os"
	"testing"
)

// TestValueExamples holds the examples of every rule in envs/policy against it.
func TestValueExamples(t *testing.T) {
	rules, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(rules.Rules()) == 0 {
		t.Fatal("envs/policy has no rules")
	}
	for _, rule := range rules.Rules() {
		t.Run(rule.ID, func(t *testing.T) {
			bad, err := rules.example(rule.ID, "bad")
			if err != nil {
				t.Fatal(err)
			}
			if len(bad) == 0 {
				t.Error("bad does not break the rule")
			}
			good, err := rules.example(rule.ID, "good")
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range good {
				t.Errorf("good breaks the rule: %s", v.Message)
			}
		})
	}
}

func BenchmarkValues(b *testing.B) {
	for b.Loop() {
		rules, err := Load(os.DirFS("../.."))
		if err != nil {
			b.Fatal(err)
		}
		for _, rule := range rules.Rules() {
			for _, which := range []string{"bad", "good"} {
				if _, err := rules.example(rule.ID, which); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}
