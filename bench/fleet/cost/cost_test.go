package cost_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gitlab.com/towpath/towpath/bench/fleet/cost"
	"gitlab.com/towpath/towpath/bench/fleet/synthetic"
	"gitlab.com/towpath/towpath/bench/toolcache"
	"gitlab.com/towpath/towpath/gen/check"
	genfleet "gitlab.com/towpath/towpath/gen/fleet"
	"gitlab.com/towpath/towpath/gen/kept"
	"gitlab.com/towpath/towpath/gen/manifest"
)

var update = flag.Bool("update", false, "write the figures to testdata")

// race tells that the race detector is on, which allocates too.
var race bool

// tolerance is how far a figure may be from the committed one, either way: one that
// has become better is to be committed, or the next change may spoil it unseen.
const tolerance = 0.15

// releases are enough that what is done once weighs little.
const releases = 50

var sample = synthetic.Fleet{Releases: releases, Environments: 2, Seed: 1}

// TestRendering counts what it costs to render a fleet that nothing is known of, to
// render it again, and with one value changed.
func TestRendering(t *testing.T) {
	if race {
		t.Skip("the race detector allocates too")
	}
	// By default as many folders are evaluated at once as there are processors, and
	// each compiles the contract once more.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	files, err := sample.Repository(os.DirFS("../../.."))
	if err != nil {
		t.Fatal(err)
	}
	repo := &cost.Count{FS: files}
	dir := t.TempDir()
	render := func() error {
		snapshot := kept.NewSnapshot(repo)
		results, err := kept.Open(dir, snapshot)
		if err != nil {
			return err
		}
		count := 0
		err = genfleet.Render(snapshot, sample.Names(), genfleet.Options{Jobs: 1, Format: "yaml", Encode: manifest.Marshal, Kept: results}, func(genfleet.Text) error {
			count++
			return nil
		})
		if err == nil && count != releases {
			err = fmt.Errorf("%d releases were rendered, want %d", count, releases)
		}
		return err
	}
	for _, name := range []string{"cold", "nothing changed", "one value changed"} {
		if name == "one value changed" {
			changeOneValue(t, files)
		}
		figures, err := cost.Of(releases, repo, render)
		if err != nil {
			t.Fatal(err)
		}
		hold(t, name, figures)
	}
}

// changeOneValue changes the replicas of a release in the folder of a team.
func changeOneValue(t *testing.T, files fstest.MapFS) {
	t.Helper()
	const replicas = "replicas: "
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if team, _ := path.Match("envs/stage/*/env.cue", name); team && bytes.Contains(files[name].Data, []byte(replicas)) {
			files[name].Data = bytes.Replace(files[name].Data, []byte(replicas), []byte(replicas+"1"), 1)
			return
		}
	}
	t.Fatal("no team of stage says how many replicas a release has")
}

// TestChecking counts what it costs to check the fleet, and to say what is wrong with a
// fleet in which many values are.
func TestChecking(t *testing.T) {
	if race {
		t.Skip("the race detector allocates too")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for name, wrong := range map[string]int{"check": 0, "check wrong values": 20} {
		files, err := sample.Repository(os.DirFS("../../.."))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if strings.HasPrefix(name, "envs/stage/") && path.Base(name) == "env.cue" {
				const values = "values: {"
				data := files[name].Data
				n := min(wrong, bytes.Count(data, []byte(values)))
				files[name].Data = bytes.Replace(data, []byte(values), []byte(values+"\n\t\t\tnoSuchKey: 1"), n)
				wrong -= n
			}
		}
		if wrong > 0 {
			t.Fatalf("%d values too few to spoil", wrong)
		}
		repo := &cost.Count{FS: files}
		run := func() error {
			_, err := check.Run(repo, check.Options{Names: sample.Names(), Jobs: 1, Today: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)})
			return err
		}
		// What the process reads once, as the schemas of Kubernetes, comes first.
		if err := run(); err != nil {
			t.Fatal(err)
		}
		figures, err := cost.Of(releases, repo, run)
		if err != nil {
			t.Fatal(err)
		}
		hold(t, name, figures)
	}
}

// TestContract counts what it costs CUE to evaluate the folder of a team: the price of
// the contract, of which gen pays as much.
func TestContract(t *testing.T) {
	cue := toolcache.CUE.Require(t)
	dir := t.TempDir()
	if err := sample.Write(os.DirFS("../../.."), dir); err != nil {
		t.Fatal(err)
	}
	list, err := sample.List()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(list[0].File) // That of the first team.
	count := 0
	for _, r := range list {
		if filepath.Dir(r.File) == folder {
			count++
		}
	}
	cmd := exec.Command(cue, "export", "./"+strings.TrimPrefix(folder, "envs/"))
	cmd.Dir = filepath.Join(dir, "envs")
	cmd.Env = append(os.Environ(), "CUE_STATS_FILE=-")
	var messages bytes.Buffer
	cmd.Stderr = &messages
	if err := cmd.Run(); err != nil {
		t.Fatalf("cue export: %v\n%s", err, messages.Bytes())
	}
	var stats struct {
		CUE struct{ Unifications, Disjuncts, Conjuncts, NumCloseIDs float64 }
	}
	if err := json.Unmarshal(messages.Bytes(), &stats); err != nil {
		t.Fatalf("what CUE has counted: %v\n%s", err, messages.Bytes())
	}
	each := float64(count)
	hold(t, "contract", cost.Figures{
		"unifications": stats.CUE.Unifications / each, "disjuncts": stats.CUE.Disjuncts / each,
		"conjuncts": stats.CUE.Conjuncts / each, "close ids": stats.CUE.NumCloseIDs / each,
	})
}

// hold holds figures against the committed ones.
func hold(t *testing.T, name string, figures cost.Figures) {
	t.Helper()
	file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".json")
	if *update {
		rounded := cost.Figures{}
		for what, n := range figures {
			rounded[what] = math.Round(n*10) / 10
		}
		data, err := json.MarshalIndent(rounded, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want cost.Figures
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for _, what := range slices.Sorted(maps.Keys(figures)) {
		t.Logf("%s: %.1f %s a release", name, figures[what], what)
		if change := figures[what]/want[what] - 1; math.Abs(change) > tolerance || math.IsNaN(change) {
			t.Errorf("%s: %.1f %s a release, %+.0f %% of the %.1f in %s. If it is worse, find out why; if it is meant to be, or is better, run go test ./bench/fleet/cost -update and say so in the commit",
				name, figures[what], what, 100*change, want[what], file)
		}
	}
}
