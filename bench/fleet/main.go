// Fleet measures what it costs to render a fleet: a thousand releases and more, with
// gen and with what people use otherwise.
//
//	go run ./bench/fleet
//	go run ./bench/fleet make -releases 1000 -environments 3 -seed 1 DIR
//
// The second makes the fleet that is measured, in a folder; [synthetic] says what it
// looks like.
//
// # What is compared
//
// All contenders render the same fleet in the same run, in turn, on the same machine:
//
//	gen             gen render --manifests, with an empty cache
//	cue-helm        cue export | helm template, a release at a time
//	cue-all-helm    one cue export of everything, then helm template
//	helm            helm template with values that need no CUE: written by hand
//	helmfile        helmfile template
//	argocd          Argo CD's repo-server, asked by its API, with the Helm that it bundles
//	floor           Helm's own engine in a bare loop of Go, values already in memory
//	floor-parallel  the same, on all cores
//
// Where a program takes a release at a time, xargs runs as many as there are cores. A
// value file that is written by hand says what differs from the chart's defaults. The
// floor is what a program that renders with Helm can't get below: of it, only the loop
// is counted, without start-up, charts, or reading values.
//
// Of argocd, the time from the first question to the last answer counts, with the CPU
// time of the server and what it starts. It has no Redis, as what it would find there is
// what it has rendered before. Its binary is the one that e2e keeps; without it this
// contender is left out.
//
// Before a fleet is measured, each contender has rendered it once, and has written
// the same objects as gen, release by release. Those that take minutes for 1,000
// releases are proven on the smaller fleets before, and on this one by what they wrote
// in the one run that counts. With more than 1,000 releases every n-th is compared, so
// that 1,000 are.
//
// # How to read the figures
//
// CPU time is user and system time of all processes. Memory is the greatest resident
// size of any one of them: two helms at a time take twice what is shown. The floor's
// is that of its whole process.
//
// The modes are gen alone, with 1,000 releases: what it takes once there is a cache,
// and one thing has changed since. Each run has a cache of its own, and what
// changes is another value in each turn.
//
// Between any two that are measured gen runs with an empty cache, between contenders some
// times, and the time of each is divided by the mean of gen's medians right before and
// after, as the clock of a machine that shares its host drifts.
//
// The slope is that of a straight line through the logarithms of releases and wall
// time, for which gen renders the fleets of all sizes in turn once more: 1 is a time that
// grows as the fleet does. Start-up, which is about what a single release takes, makes it
// smaller the fewer releases there are.
package main

import (
	"context"
	"debug/buildinfo"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"gitlab.com/towpath/towpath/bench/program"
	"gitlab.com/towpath/towpath/bench/toolcache"
)

type options struct {
	sizes        []int
	environments int
	runs, jobs   int
	without      []string // contenders that are left out
	write        bool
	assert       bool
}

// errMissed ends a run with -assert that did not meet its goals.
var errMissed = errors.New("a goal is not met")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && steps[args[0]] != nil {
		return steps[args[0]](ctx, args[1:])
	}
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	root, err := program.Root(ctx)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "towpath-fleet-")
	if err != nil {
		return err
	}
	// Nothing is removed before: for minutes ext4 passes over the inodes of files that were removed, which made files
	// dear to whoever came next.
	defer os.RemoveAll(temp)
	p, err := build(ctx, root, temp, o)
	if err != nil {
		return err
	}
	if p.argocd == "" {
		o.without = append(o.without, "argocd")
	}
	all := slices.DeleteFunc(contenders(o.jobs), func(c contender) bool { return slices.Contains(o.without, c.name) })
	tools := []string{p.CUE, p.Helm}
	if p.helmfile != "" {
		tools = append(tools, p.helmfile)
	}
	if p.argocd != "" {
		tools = append(tools, p.argocdHelm)
	}
	r := report{Contenders: all, Machine: program.Describe(ctx, root, p.Gen, tools...)}
	if p.argocd != "" {
		r.Machine.Tools = append(r.Machine.Tools, "Argo CD "+moduleVersion(p.argocd, "github.com/argoproj/argo-cd/v2"))
	}
	var sites []*site
	for _, releases := range o.sizes {
		s, err := prepare(ctx, o, p, temp, releases)
		if err != nil {
			return fmt.Errorf("preparing %d releases: %w", releases, err)
		}
		sites = append(sites, s)
		measured, err := measure(ctx, s, o, all)
		if err != nil {
			return fmt.Errorf("%d releases: %w", releases, err)
		}
		r.Measured = append(r.Measured, measured...)
		if releases == modesAt || releases == o.sizes[len(o.sizes)-1] && releases < modesAt {
			if measured, err = measureModes(ctx, s, o); err != nil {
				return fmt.Errorf("%d releases: %w", releases, err)
			}
			r.Measured = append(r.Measured, measured...)
		}
	}
	measured, err := measureSizes(ctx, sites, o, all[0])
	if err != nil {
		return err
	}
	r.Measured = append(r.Measured, measured...)
	fmt.Print(r.Markdown())
	if o.write {
		if err := r.write(filepath.Join(root, "bench", "fleet")); err != nil {
			return err
		}
	}
	if o.assert && !r.goals().Met() {
		return errMissed
	}
	return nil
}

func parse(args []string) (options, error) {
	o := options{}
	set := flag.NewFlagSet("fleet", flag.ContinueOnError)
	sizes := set.String("sizes", "1,10,100,1000,10000", "releases of the fleets that are measured")
	set.IntVar(&o.environments, "environments", 3, "environments that the releases are spread over")
	set.IntVar(&o.runs, "n", 5, "turns that are counted; fewer for large fleets and slow contenders, more for small ones and for the modes")
	set.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "releases that xargs, helmfile and the parallel floor render at a time")
	left := set.String("without", "", "contenders to leave out, such as cue-helm,helmfile")
	set.BoolVar(&o.write, "write", false, "write results.md, results.csv and results.svg to bench/fleet too")
	set.BoolVar(&o.assert, "assert", false, "exit with 1 if a goal is not met")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	for _, text := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || len(o.sizes) > 0 && n <= o.sizes[len(o.sizes)-1] {
			return o, fmt.Errorf("-sizes %s: give numbers of releases, the smallest first", *sizes)
		}
		o.sizes = append(o.sizes, n)
	}
	if *left != "" {
		o.without = strings.Split(*left, ",")
	}
	for _, name := range o.without {
		if name == "gen" || !slices.ContainsFunc(contenders(o.jobs), func(c contender) bool { return c.name == name }) {
			return o, fmt.Errorf("-without %s: there is no such contender that can be left out", name)
		}
	}
	if o.runs < 1 || o.jobs < 1 || o.environments < 1 || set.NArg() > 0 {
		return o, errors.New("usage: go run ./bench/fleet [-sizes N,N...] [-environments N] [-n TURNS] [-jobs N] [-without NAME,NAME...] [-write] [-assert], or go run ./bench/fleet make --help")
	}
	return o, nil
}

func build(ctx context.Context, root, temp string, o options) (programs, error) {
	var p programs
	var err error
	if p.Set, err = program.Build(ctx, root, temp); err != nil {
		return p, err
	}
	if p.floor, err = program.Package(ctx, root, "./bench/fleet/floor", temp); err != nil {
		return p, err
	}
	if !slices.Contains(o.without, "argocd") {
		if err := p.findArgoCD(ctx, root, temp); err != nil {
			return p, err
		}
	}
	if slices.Contains(o.without, "helmfile") {
		return p, nil
	}
	fmt.Fprintln(os.Stderr, "building", toolcache.Helmfile, "unless it is installed, which takes minutes; -without helmfile leaves it out")
	p.helmfile, err = toolcache.Helmfile.Install(ctx)
	return p, err
}

// findArgoCD finds Argo CD as e2e keeps it, and builds what asks it.
func (p *programs) findArgoCD(ctx context.Context, root, temp string) error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	kept, err := filepath.Glob(filepath.Join(cache, "towpath", "e2e", "argocd@*", "argocd"))
	if err != nil {
		return err
	}
	if len(kept) == 0 {
		fmt.Fprintln(os.Stderr, "Argo CD is left out: e2e has not built it; (cd e2e && go run . up) does")
		return nil
	}
	p.argocd = kept[len(kept)-1]
	if p.reposerver, err = program.Package(ctx, root, "./bench/fleet/reposerver", temp); err != nil {
		return err
	}
	p.argocdHelm, err = toolcache.Helm316.Install(ctx)
	return err
}

// moduleVersion returns the version of a module that a program was built from.
func moduleVersion(file, module string) string {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return "of an unknown version"
	}
	for _, dep := range info.Deps {
		if dep.Path == module {
			return dep.Version
		}
	}
	return info.Main.Version
}

// writeCSV writes every measurement.
func writeCSV(file string, measured []measurement) error {
	var text strings.Builder
	out := csv.NewWriter(&text)
	rows := [][]string{{"releases", "environments", "contender", "mode", "turn", "wall_nanoseconds", "cpu_nanoseconds", "peak_memory_bytes", "gen_beside_nanoseconds"}}
	for _, m := range measured {
		rows = append(rows, []string{
			strconv.Itoa(m.Releases), strconv.Itoa(m.Environments), m.Contender, m.Mode, strconv.Itoa(m.Turn),
			strconv.FormatInt(int64(m.Wall), 10), strconv.FormatInt(int64(m.CPU), 10), strconv.FormatInt(m.Memory, 10), strconv.FormatInt(int64(m.Beside), 10),
		})
	}
	if err := out.WriteAll(rows); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text.String()), 0o644)
}
