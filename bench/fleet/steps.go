package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/bench/fleet/plan"
	"gitlab.com/towpath/towpath/bench/fleet/synthetic"
	"gitlab.com/towpath/towpath/bench/objects"
	"gitlab.com/towpath/towpath/bench/program"
)

// The steps are processes of their own. What is measured is started by a process that
// has stayed small: until a child has started its program, the kernel counts its
// parent's memory as the child's.
var steps = map[string]func(ctx context.Context, args []string) error{
	"make":    makeFleet,
	"inputs":  writeInputs,
	"split":   split,
	"compare": compare,
}

// step runs one of the steps.
func step(ctx context.Context, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	_, err = program.Pipe(ctx, []program.Command{{Args: append([]string{self}, args...)}}, os.Stderr)
	return err
}

func makeFleet(ctx context.Context, args []string) error {
	var f synthetic.Fleet
	set := flag.NewFlagSet("make", flag.ContinueOnError)
	set.IntVar(&f.Releases, "releases", 1000, "releases, in all environments together")
	set.IntVar(&f.Environments, "environments", 3, "environments")
	set.Uint64Var(&f.Seed, "seed", 1, "what decides the values")
	if err := set.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if set.NArg() != 1 {
		return errors.New("make: name one folder to write to")
	}
	root, err := program.Root(ctx)
	if err != nil {
		return err
	}
	if err := f.Write(os.DirFS(root), set.Arg(0)); err != nil {
		return err
	}
	fmt.Printf("%d releases in %d environments in %s; gen render produces their values there\n", f.Releases, f.Environments, set.Arg(0))
	return nil
}

// writeInputs writes what the programs read that do not read CUE: the plan, a list
// of the releases, values as a person would write them, and a helmfile. The values are
// those that gen render has produced.
//
//	inputs RELEASES ENVIRONMENTS SEED DIR TO CUE HELM
func writeInputs(ctx context.Context, args []string) error {
	var f synthetic.Fleet
	if _, err := fmt.Sscan(strings.Join(args[:3], " "), &f.Releases, &f.Environments, &f.Seed); err != nil {
		return err
	}
	dir, to, cue, helm := args[3], args[4], args[5], args[6]
	list, err := f.List()
	if err != nil {
		return err
	}
	envs := map[string]program.Environment{}
	defaults := map[string]map[string]any{}
	var releases []plan.Release
	var lines strings.Builder
	file := helmfile{HelmBinary: helm}
	for _, r := range list {
		env, known := envs[r.Environment]
		if !known {
			if env, err = program.ReadEnvironment(ctx, cue, dir, r.Environment); err != nil {
				return err
			}
			envs[r.Environment] = env
		}
		if defaults[r.Chart] == nil {
			if defaults[r.Chart], err = readYAML(filepath.Join(dir, "charts", r.Chart, "values.yaml")); err != nil {
				return err
			}
		}
		values, err := readYAML(filepath.Join(dir, "envs", r.Environment, "values", r.Name+".yaml"))
		if err != nil {
			return err
		}
		releases = append(releases, plan.Release{
			Environment: r.Environment, Team: r.Team, Name: r.Name, Chart: r.Chart,
			Namespace: env.Namespace, KubernetesVersion: env.Cluster.KubernetesVersion, Values: values,
		})
		fmt.Fprintln(&lines, r.Environment, r.Team, r.Name, r.Chart, env.Namespace, env.Cluster.KubernetesVersion)
		written := filepath.Join(to, "hand", r.Environment, r.Name+".yaml")
		if err := writeYAML(written, beyond(values, defaults[r.Chart])); err != nil {
			return err
		}
		file.Releases = append(file.Releases, helmfileRelease{
			Name: r.Name, Namespace: env.Namespace, Labels: map[string]string{"environment": r.Environment}, Chart: filepath.Join(dir, "charts", r.Chart),
			KubernetesVersion: env.Cluster.KubernetesVersion, Values: []string{written},
		})
	}
	return errors.Join(
		plan.Write(filepath.Join(to, "plan.json"), releases),
		os.WriteFile(filepath.Join(to, "list"), []byte(lines.String()), 0o644),
		writeYAML(filepath.Join(to, "helmfile.yaml"), file),
	)
}

// helmfile is a helmfile.yaml.
type helmfile struct {
	HelmBinary string            `json:"helmBinary"`
	Releases   []helmfileRelease `json:"releases"`
}

type helmfileRelease struct {
	Name              string            `json:"name"`
	Namespace         string            `json:"namespace"`
	Labels            map[string]string `json:"labels"`
	Chart             string            `json:"chart"`
	KubernetesVersion string            `json:"kubeVersion"`
	Values            []string          `json:"values"`
}

// beyond is what values say beyond the defaults: what a person would write by hand.
func beyond(values, defaults map[string]any) map[string]any {
	left := map[string]any{}
	for key, value := range values {
		known, there := defaults[key]
		inner, isTable := value.(map[string]any)
		under, underTable := known.(map[string]any)
		switch {
		case isTable && underTable:
			if rest := beyond(inner, under); len(rest) > 0 {
				left[key] = rest
			}
		case !there || !reflect.DeepEqual(value, known):
			left[key] = value
		}
	}
	return left
}

func readYAML(file string) (map[string]any, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var values map[string]any
	if err := yaml.Unmarshal(data, &values); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return values, nil
}

func writeYAML(file string, value any) error {
	data, err := yaml.Marshal(value)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// split reads what cue export prints of many folders, and writes the values of each
// release to a file. No program that people have does this.
//
//	split TO
func split(_ context.Context, args []string) error {
	decoder := json.NewDecoder(bufio.NewReader(os.Stdin))
	decoder.UseNumber()
	for {
		var folder struct {
			E string
			R map[string]struct{ Values json.RawMessage }
		}
		err := decoder.Decode(&folder)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		dir := filepath.Join(args[0], folder.E)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for name, r := range folder.R {
			if err := os.WriteFile(filepath.Join(dir, name+".yaml"), r.Values, 0o644); err != nil {
				return err
			}
		}
	}
}

// compare proves that two contenders have written the same objects, those of every
// release by themselves. Only each n-th release is looked at.
//
//	compare LIST EVERY GOT WANT
func compare(_ context.Context, args []string) error {
	list, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var every, number, count int
	if _, err := fmt.Sscan(args[1], &every); err != nil {
		return err
	}
	for line := range strings.Lines(string(list)) {
		fields := strings.Fields(line)
		if number++; number%every != 0 {
			continue
		}
		var sides [2][]objects.Object
		for i, dir := range args[2:4] {
			text, err := written(dir, fields[0], fields[2])
			if err != nil {
				return err
			}
			if sides[i], err = objects.Parse(text); err != nil {
				return fmt.Errorf("%s: release %s of %s: %w", dir, fields[2], fields[0], err)
			}
		}
		if lines := objects.Differences(sides[0], sides[1]); len(lines) > 0 || len(sides[0]) == 0 {
			return fmt.Errorf("release %s of %s has %d objects, and other ones in %s:\n  %s", fields[2], fields[0], len(sides[0]), args[2], strings.Join(lines, "\n  "))
		}
		count += len(sides[0])
	}
	if count == 0 {
		return errors.New("no object was compared")
	}
	fmt.Printf("%s has the same %d objects\n", args[2], count)
	return nil
}

// written is what a contender wrote for a release: a file, or a folder of them.
func written(dir, env, release string) ([]byte, error) {
	name := filepath.Join(dir, env, release)
	if text, err := os.ReadFile(name + ".yaml"); err == nil || !errors.Is(err, os.ErrNotExist) {
		return text, err
	}
	var text []byte
	err := filepath.WalkDir(name, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(file)
		text = append(append(text, "\n---\n"...), data...)
		return err
	})
	return text, err
}
