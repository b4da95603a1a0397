package environment_test

import (
	"os"
	"reflect"
	"slices"
	"sync"
	"testing"

	"cuelang.org/go/cue"

	"gitlab.com/towpath/towpath/gen/environment"
)

// TestOriginsAtOnce asks where values of one environment come from, and what they
// are, from many goroutines. Run with -race.
func TestOriginsAtOnce(t *testing.T) {
	set, err := environment.Load(os.DirFS("../.."), []string{"prod"})
	if err != nil {
		t.Fatal(err)
	}
	env := set.Environments[0]
	paths := []string{"image.tag", "replicas", "autoscaling", "config", "config.logLevel", "resources", "ingress", "monitoring"}
	ask := func() (answers []int) {
		for _, release := range env.Releases {
			if _, err := release.Tree(); err != nil {
				t.Error(err)
			}
			for _, path := range paths {
				answers = append(answers, len(environment.Origins(release.Values.LookupPath(cue.ParsePath(path)))))
			}
		}
		return answers
	}
	var all [16][]int
	var group sync.WaitGroup
	for i := range all {
		group.Go(func() { all[i] = ask() })
	}
	group.Wait()
	for _, answers := range all {
		if !slices.Equal(answers, all[0]) {
			t.Errorf("the answers differ: %v and %v", answers, all[0])
		}
	}
	if !slices.ContainsFunc(all[0], func(n int) bool { return n > 0 }) {
		t.Error("no value comes from anywhere")
	}
}

// TestTreeOnce makes sure that the values of a release are evaluated once, however
// many copies of it ask.
func TestTreeOnce(t *testing.T) {
	set, err := environment.Load(os.DirFS("../.."), []string{"prod"})
	if err != nil {
		t.Fatal(err)
	}
	release := set.Environments[0].Releases[0]
	first, err := release.Tree()
	if err != nil {
		t.Fatal(err)
	}
	again, err := set.Environments[0].Releases[0].Tree()
	if err != nil {
		t.Fatal(err)
	}
	if len(first) == 0 || reflect.ValueOf(first).Pointer() != reflect.ValueOf(again).Pointer() {
		t.Error("the values were evaluated again for a copy of the release")
	}
}
