package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"gitlab.com/towpath/towpath/bench/fleet/synthetic"
	"gitlab.com/towpath/towpath/bench/program"
)

// measurement is one run of one contender, or of gen in one mode.
type measurement struct {
	Releases, Environments int
	// Contender is a contender's name; Mode is a mode's, "" beside other contenders.
	Contender, Mode string
	Turn            int
	program.Usage
}

// The limits of what is measured, in releases.
const (
	// mostSlow is the largest fleet for slow contenders. Before it is measured they are
	// proven on the smaller ones; on it, afterwards, by what they wrote in the run that
	// counts, as it is the only one.
	mostSlow = 1000
	// modesAt is the fleet for gen's modes.
	modesAt = 1000
	// mostCompared is the number of releases that are compared at most, evenly spread.
	mostCompared = 1000
)

// turns is how often a fleet of a size is measured.
func (o options) turns(releases int, slow bool) int {
	n := o.runs
	switch {
	case slow && releases >= mostSlow, releases > modesAt:
		n = 1
	case slow:
		n = o.runs/2 + 1
	case releases <= 10:
		n = 2 * o.runs
	}
	return max(1, n)
}

func fleetOf(releases, environments int) synthetic.Fleet {
	return synthetic.Fleet{Releases: releases, Environments: min(releases, environments), Seed: 1}
}

// prepare makes a fleet of a size.
func prepare(ctx context.Context, o options, p programs, temp string, releases int) (*site, error) {
	f := fleetOf(releases, o.environments)
	s := &site{
		releases: f.Releases, environments: f.Environments, programs: p, jobs: o.jobs,
		temp: filepath.Join(temp, strconv.Itoa(releases)),
	}
	s.dir, s.inputs = filepath.Join(s.temp, "repository"), filepath.Join(s.temp, "inputs")
	if err := os.MkdirAll(s.temp, 0o755); err != nil {
		return nil, err
	}
	sizes := []string{strconv.Itoa(f.Releases), strconv.Itoa(f.Environments), strconv.FormatUint(f.Seed, 10)}
	if err := step(ctx, "make", "-releases", sizes[0], "-environments", sizes[1], "-seed", sizes[2], s.dir); err != nil {
		return nil, err
	}
	if _, err := s.gen(ctx, filepath.Join(s.temp, "cache"), filepath.Join(s.temp, "log"), "render"); err != nil {
		return nil, err
	}
	return s, step(ctx, append(append([]string{"inputs"}, sizes...), s.dir, s.inputs, p.CUE, p.Helm)...)
}

// prove runs the contenders and compares what they write with what gen writes.
func prove(ctx context.Context, s *site, all []contender) error {
	want := filepath.Join(s.temp, "proof", all[0].name)
	for i, c := range all {
		to := filepath.Join(s.temp, "proof", c.name)
		if _, err := c.run(ctx, s, to, true); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if i == 0 {
			continue
		}
		if err := compareWith(ctx, s, to, want); err != nil {
			return err
		}
	}
	return nil
}

func compareWith(ctx context.Context, s *site, got, want string) error {
	every := max(1, s.releases/mostCompared)
	return step(ctx, "compare", filepath.Join(s.inputs, "list"), strconv.Itoa(every), got, want)
}

// measure measures a fleet of a size.
func measure(ctx context.Context, s *site, o options, all []contender) ([]measurement, error) {
	fits := slices.DeleteFunc(slices.Clone(all), func(c contender) bool { return c.slow && s.releases > mostSlow })
	// Running all of the slow ones twice on the largest fleet would take as long again.
	late := s.releases >= mostSlow
	before := slices.DeleteFunc(slices.Clone(fits), func(c contender) bool { return c.slow && late })
	if err := prove(ctx, s, before); err != nil {
		return nil, err
	}
	var measured []measurement
	for turn := range o.turns(s.releases, false) {
		for _, c := range fits {
			if turn >= o.turns(s.releases, c.slow) {
				continue
			}
			to := filepath.Join(s.temp, "out", c.name, strconv.Itoa(turn))
			syscall.Sync() // What others have written is on the disk, and not under way.
			used, err := c.run(ctx, s, to, false)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if c.slow && late {
				if err := compareWith(ctx, s, to, filepath.Join(s.temp, "proof", all[0].name)); err != nil {
					return nil, err
				}
			}
			measured = append(measured, measurement{s.releases, s.environments, c.name, "", turn, used})
			fmt.Fprintf(os.Stderr, "%6d releases  %-15s %10s\n", s.releases, c.name, used.Wall.Round(time.Millisecond))
		}
	}
	return measured, nil
}

// measureModes measures gen in each of its modes.
func measureModes(ctx context.Context, s *site, o options) ([]measurement, error) {
	if err := s.commit(ctx); err != nil {
		return nil, err
	}
	list, err := fleetOf(s.releases, s.environments).List()
	if err != nil {
		return nil, err
	}
	var measured []measurement
	for turn := range o.turns(s.releases, false) {
		for _, m := range modes(list) {
			used, err := m.run(ctx, s, turn)
			if err != nil {
				return nil, err
			}
			measured = append(measured, measurement{s.releases, s.environments, "gen", m.name, turn, used})
			fmt.Fprintf(os.Stderr, "%6d releases  gen, %-20s %10s\n", s.releases, m.name, used.Wall.Round(time.Millisecond))
		}
	}
	return measured, nil
}
