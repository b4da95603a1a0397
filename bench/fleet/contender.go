package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gitlab.com/towpath/towpath/bench/fleet/plan"
	"gitlab.com/towpath/towpath/bench/program"
)

// programs are those that are measured, by their files.
type programs struct {
	program.Set
	floor, helmfile string
	// reposerver asks Argo CD's repo-server, which is argocd and starts argocdHelm.
	reposerver, argocd, argocdHelm string
}

// site is a fleet on the disk, ready to be rendered.
type site struct {
	releases, environments int
	programs               programs
	dir                    string // the repository
	inputs                 string // what is made of it for those who do not read CUE
	temp                   string // for what is written
	jobs                   int
}

// contender is one way to render a fleet.
type contender struct {
	// name is what tables and files call it, and label a few words on it.
	name, label string
	// slow ones are not measured with the largest fleets.
	slow bool
	// line is the command, as a person would type it.
	line string
	// run renders the fleet into a folder, ENV/RELEASE.yaml or a folder of that name
	// if apart is set, and else as it pleases.
	run func(ctx context.Context, s *site, to string, apart bool) (program.Usage, error)
}

// contenders are all of them. The first is gen.
func contenders(jobs int) []contender {
	template := "helm template $name charts/$chart --namespace $namespace --kube-version $version --include-crds --skip-tests -f "
	each := fmt.Sprintf("xargs -P%d -L1 < list: ", jobs)
	return []contender{
		{"gen", "gen render", false, "gen render --manifests", runGen},
		{"cue-helm", "cue and helm, a release at a time", true,
			each + `cue export ./$env/$team -e 'releases."$name".values' --out yaml | ` + template + "-", runCUEHelm},
		{"cue-all-helm", "cue once, helm a release at a time", true,
			"cue export ./ENV/... -e '{E: name, R: releases}' | split; " + each + template + "values/$env/$name.yaml", runCUEAllHelm},
		{"helm", "helm with values written by hand", true, each + template + "hand/$env/$name.yaml", runHelm},
		{"helmfile", "helmfile", true, fmt.Sprintf("helmfile template --skip-deps --concurrency %d --include-crds --skip-tests --output-dir out", jobs), runHelmfile},
		{"argocd", "Argo CD's repo-server, without a cache", true, fmt.Sprintf("argocd-repo-server, asked for %d releases at a time", jobs), runRepoServer},
		{"floor", "floor: Helm's engine in a bare loop", false, "floor -plan plan.json", runFloor(1)},
		{"floor-parallel", fmt.Sprintf("the same loop, %d at a time", jobs), false, fmt.Sprintf("floor -plan plan.json -jobs %d", jobs), runFloor(jobs)},
	}
}

// runGen renders with gen and an empty cache.
func runGen(ctx context.Context, s *site, to string, apart bool) (program.Usage, error) {
	cache, err := os.MkdirTemp(s.temp, "cache-")
	if err != nil {
		return program.Usage{}, err
	}
	args := []string{"render", "--manifests"}
	if apart {
		args = append(args, "--output-dir", to)
	}
	return s.gen(ctx, cache, filepath.Join(to, "all.yaml"), args...)
}

// gen runs gen in the fleet's repository with a cache of its own.
func (s *site) gen(ctx context.Context, cache, out string, args ...string) (program.Usage, error) {
	return s.run(ctx, out, program.Command{
		Dir: s.dir, Args: append([]string{s.programs.Gen}, args...),
		Env: []string{"GEN_CACHE=" + cache, "NO_COLOR=1"},
	})
}

// run runs a command that writes to a file.
func (s *site) run(ctx context.Context, out string, commands ...program.Command) (program.Usage, error) {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return program.Usage{}, err
	}
	file, err := os.Create(out)
	if err != nil {
		return program.Usage{}, err
	}
	used, err := program.Pipe(ctx, commands, file)
	return used, errors.Join(err, file.Close())
}

// shell runs a script of sh in the fleet's repository. It finds the programs in
// variables, and writes below $TO.
func (s *site) shell(ctx context.Context, to, script string) (program.Usage, error) {
	self, err := os.Executable()
	if err != nil {
		return program.Usage{}, err
	}
	for _, env := range s.names() {
		if err := os.MkdirAll(filepath.Join(to, env), 0o755); err != nil {
			return program.Usage{}, err
		}
	}
	return s.run(ctx, filepath.Join(to, "log"), program.Command{
		Dir: s.dir, Args: []string{"sh", "-euc", script},
		Env: []string{
			"CUE=" + s.programs.CUE, "HELM=" + s.programs.Helm, "SELF=" + self, "JOBS=" + strconv.Itoa(s.jobs),
			"LIST=" + filepath.Join(s.inputs, "list"), "HAND=" + filepath.Join(s.inputs, "hand"), "TO=" + to,
		},
	})
}

// names are those of the environments.
func (s *site) names() []string { return fleetOf(s.releases, s.environments).Names() }

// One line of the list is ENV TEAM NAME CHART NAMESPACE VERSION, $1 to $6.
const helmTemplate = `"$HELM" template "$3" "charts/$4" --namespace "$5" --kube-version "$6" --include-crds --skip-tests -f `

func runCUEHelm(ctx context.Context, s *site, to string, _ bool) (program.Usage, error) {
	return s.shell(ctx, to, `xargs -P"$JOBS" -L1 sh -euc '
		(cd envs; "$CUE" export "./$1/$2" -e "releases.\"$3\".values" --out yaml) |
		`+helmTemplate+`- > "$TO/$1/$3.yaml"' sh < "$LIST"`)
}

func runCUEAllHelm(ctx context.Context, s *site, to string, _ bool) (program.Usage, error) {
	var folders []string
	for _, env := range s.names() {
		folders = append(folders, "./"+env+"/...")
	}
	return s.shell(ctx, to, `(cd envs; "$CUE" export `+strings.Join(folders, " ")+` -e "{E: name, R: releases}" --out json) | "$SELF" split "$TO/values"
		xargs -P"$JOBS" -L1 sh -euc '`+helmTemplate+`"$TO/values/$1/$3.yaml" > "$TO/$1/$3.yaml"' sh < "$LIST"`)
}

func runHelm(ctx context.Context, s *site, to string, _ bool) (program.Usage, error) {
	return s.shell(ctx, to, `xargs -P"$JOBS" -L1 sh -euc '`+helmTemplate+`"$HAND/$1/$3.yaml" > "$TO/$1/$3.yaml"' sh < "$LIST"`)
}

func runHelmfile(ctx context.Context, s *site, to string, _ bool) (program.Usage, error) {
	return s.run(ctx, filepath.Join(to, "log"), program.Command{
		Dir: s.inputs,
		Args: []string{
			s.programs.helmfile, "--file", "helmfile.yaml", "--quiet", "template", "--skip-deps", "--concurrency", strconv.Itoa(s.jobs),
			"--include-crds", "--skip-tests", "--output-dir", to,
			"--output-dir-template", `{{ .OutputDir }}/{{ .Release.Labels.environment }}/{{ .Release.Name }}`,
		},
		// It keeps files of its own for what Helm has told it.
		Env: []string{"HELMFILE_CACHE_HOME=" + filepath.Join(s.temp, "helmfile"), "HELM_CACHE_HOME=" + filepath.Join(s.temp, "helm")},
	})
}

// runFloor renders with the floor, so many at a time. What counts is its loop alone;
// its memory is that of the whole process.
func runFloor(jobs int) func(context.Context, *site, string, bool) (program.Usage, error) {
	return func(ctx context.Context, s *site, to string, apart bool) (program.Usage, error) {
		args := []string{s.programs.floor, "-plan", filepath.Join(s.inputs, "plan.json"), "-charts", filepath.Join(s.dir, "charts"), "-jobs", strconv.Itoa(jobs)}
		if apart {
			args = append(args, "-dir", to)
		}
		return s.runSaying(ctx, filepath.Join(to, "all.yaml"), args)
	}
}

// runRepoServer asks Argo CD's repo-server, so many releases at a time.
func runRepoServer(ctx context.Context, s *site, to string, _ bool) (program.Usage, error) {
	if err := s.commit(ctx); err != nil {
		return program.Usage{}, err
	}
	return s.runSaying(ctx, filepath.Join(to, "log"), []string{
		s.programs.reposerver, "-plan", filepath.Join(s.inputs, "plan.json"), "-repository", s.dir, "-jobs", strconv.Itoa(s.jobs),
		"-argocd", s.programs.argocd, "-helm", s.programs.argocdHelm, "-dir", to,
	})
}

// runSaying runs a program that says itself what it used, of time.
func (s *site) runSaying(ctx context.Context, out string, args []string) (program.Usage, error) {
	said := filepath.Join(filepath.Dir(out), "used.json")
	used, err := s.run(ctx, out, program.Command{Args: append([]string{"sh", "-c", `exec "$@" 2>"$SAID"`, "sh"}, args...), Env: []string{"SAID=" + said}})
	text, readErr := os.ReadFile(said)
	if err != nil || readErr != nil {
		return used, errors.Join(err, readErr, errors.New(string(text)))
	}
	var part plan.Used
	if err := json.Unmarshal(text, &part); err != nil {
		return used, fmt.Errorf("what %s says it used: %w", filepath.Base(args[0]), err)
	}
	used.Wall, used.CPU = part.Wall, part.CPU
	return used, nil
}
