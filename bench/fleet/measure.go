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
	// Beside is the wall time of gen with an empty cache on the same fleet, right before and
	// after: the mean of the two medians. It is 0 for these runs.
	Beside time.Duration
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
	b := besides{site: s, times: o.turns(s.releases, false), run: func(turn int) (program.Usage, error) {
		return all[0].run(ctx, s, filepath.Join(s.temp, "out", all[0].name, strconv.Itoa(turn)), false)
	}}
	for turn := range o.turns(s.releases, false) {
		for _, c := range fits[1:] {
			if turn >= o.turns(s.releases, c.slow) {
				continue
			}
			err := b.measure(c.name, "", turn, func() (program.Usage, error) {
				to := filepath.Join(s.temp, "out", c.name, strconv.Itoa(turn))
				used, err := c.run(ctx, s, to, false)
				if err == nil && c.slow && late {
					err = compareWith(ctx, s, to, filepath.Join(s.temp, "proof", all[0].name))
				}
				return used, err
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	return b.finish()
}

// besides measures contenders, or modes, with gen between them: the clock of a machine that
// is not alone on its host drifts by more than a tenth within minutes, so that only what
// runs one right after the other can be compared.
type besides struct {
	site *site
	mode string // of gen between them
	// times is how often gen runs between two. Those of which one run takes long have few
	// turns, and one run of gen to divide by would say as much of the host as of gen.
	times int
	// run runs gen with an empty cache.
	run func(turn int) (program.Usage, error)

	measured []measurement
	last     int           // is the index of what is not gen's, 0 before the first.
	before   time.Duration // is gen's median before that.
	turns    int           // of gen.
}

// between runs gen.
func (b *besides) between() error {
	var walls []int64
	for range b.times {
		syscall.Sync() // What others have written is on the disk, and not under way.
		used, err := b.run(b.turns)
		if err != nil {
			return fmt.Errorf("gen: %w", err)
		}
		b.measured = append(b.measured, b.site.measured("gen", b.mode, b.turns, used))
		walls = append(walls, int64(used.Wall))
		b.turns++
	}
	now := time.Duration(median(walls))
	if b.last > 0 {
		b.measured[b.last].Beside = (b.before + now) / 2
	}
	b.before = now
	return nil
}

// measure measures what runs, after gen.
func (b *besides) measure(contender, mode string, turn int, run func() (program.Usage, error)) error {
	if err := b.between(); err != nil {
		return err
	}
	syscall.Sync()
	used, err := run()
	if err != nil {
		return err
	}
	b.last = len(b.measured)
	b.measured = append(b.measured, b.site.measured(contender, mode, turn, used))
	return nil
}

// finish returns what was measured, after the last runs of gen.
func (b *besides) finish() ([]measurement, error) {
	if err := b.between(); err != nil {
		return nil, err
	}
	return b.measured, nil
}

// measured returns a measurement with the fleet, and says what it is.
func (s *site) measured(contender, mode string, turn int, used program.Usage) measurement {
	fmt.Fprintf(os.Stderr, "%6d releases  %-15s %-23s %10s\n", s.releases, contender, mode, used.Wall.Round(time.Millisecond))
	return measurement{Releases: s.releases, Environments: s.environments, Contender: contender, Mode: mode, Turn: turn, Usage: used}
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
	all := modes(list)
	b := besides{site: s, mode: all[0].name, times: 1, run: func(turn int) (program.Usage, error) {
		return all[0].run(ctx, s, turn)
	}}
	// Some take less than a tenth of a second, of which the host's other work is a part that differs.
	for turn := range 2*o.turns(s.releases, false) + 1 {
		for _, m := range all[1:] {
			if err := b.measure("gen", m.name, turn, func() (program.Usage, error) { return m.run(ctx, s, turn) }); err != nil {
				return nil, err
			}
		}
	}
	return b.finish()
}

// measureSizes measures gen with fleets of all sizes that a slope is about, in turn: when
// the larger ones are measured with others, the clock is not what it was.
func measureSizes(ctx context.Context, sites []*site, o options, gen contender) ([]measurement, error) {
	var measured []measurement
	for turn := range o.runs {
		for _, s := range sites {
			if s.releases < slices.Min(slopesFrom) {
				continue
			}
			syscall.Sync()
			used, err := gen.run(ctx, s, filepath.Join(s.temp, "out", sizesInTurn, strconv.Itoa(turn)), false)
			if err != nil {
				return nil, err
			}
			measured = append(measured, s.measured(gen.name, sizesInTurn, turn, used))
		}
	}
	return measured, nil
}
