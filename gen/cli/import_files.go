package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/intake"
)

// assignment is an environment with the names of its files.
type assignment struct {
	name  string
	files []string
}

// assign tells which environment each file is for.
func (in *taking) assign(files []string) ([]assignment, error) {
	existing, err := environment.Names(in.base)
	if err != nil {
		return nil, err
	}
	var all []assignment
	add := func(name string, files ...string) {
		i := slices.IndexFunc(all, func(a assignment) bool { return a.name == name })
		if i < 0 {
			all = append(all, assignment{name: name})
			i = len(all) - 1
		}
		all[i].files = append(all[i].files, files...)
	}
	for _, text := range in.options.envs {
		name, list, ok := strings.Cut(text, "=")
		if !ok || name == "" || list == "" {
			return nil, fmt.Errorf("--env %s: write NAME=FILE, or NAME=FILE,FILE with the one that wins last", text)
		}
		if err := environment.CheckName(name); err != nil {
			return nil, fmt.Errorf("--env %s: %w", text, err)
		}
		add(name, strings.Split(list, ",")...)
	}
	names := intake.EnvironmentNames(files, in.release, in.chart.Name)
	for i, file := range files {
		name := names[i]
		if in.path(file) == filepath.Join(in.chartDir, "values.yaml") {
			return nil, fmt.Errorf("%s has the chart's own defaults, which Helm reads anyway; leave it out", file)
		}
		if name == "" {
			return nil, fmt.Errorf("%s is for no environment by its name; if all of them read it first, say --common %s, or else --env NAME=%s", file, file, file)
		}
		if err := environment.CheckName(name); err != nil {
			return nil, fmt.Errorf("%s: %w; say --env NAME=%s", file, err, file)
		}
		if other := intake.Meant(name, existing); other != "" && !slices.Contains(existing, name) {
			return nil, fmt.Errorf("%s is for %s by its name, and there is no such environment: if it is for %s, say --env %s=%s; to make %s, --env %s=%s",
				file, name, other, other, file, name, name, file)
		}
		if i := slices.IndexFunc(all, func(a assignment) bool { return a.name == name }); i >= 0 {
			both := append(slices.Clone(all[i].files), file)
			return nil, fmt.Errorf("%s are all for %s by their names or by --env; say which wins, last: --env %s=%s", strings.Join(both, ", "), name, name, strings.Join(both, ","))
		}
		add(name, file)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there are no files of values: name them, as in gen import %s values-stage.yaml values-prod.yaml", in.chart.Path())
	}
	for i := range all {
		all[i].files = append(slices.Clone(in.options.common), all[i].files...)
	}
	return all, nil
}

// read reads the files of all environments, and prints what is wrong with them.
func (in *taking) read(all []assignment) (*intake.Values, error) {
	in.texts = map[string][]byte{}
	var envs []intake.Environment
	for _, a := range all {
		env := intake.Environment{Name: a.name}
		for _, arg := range a.files {
			name := in.path(arg)
			data, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("reading values: %w", err)
			}
			shown, ok := in.inRepository(name)
			if !ok {
				shown = filepath.ToSlash(filepath.Clean(arg))
			}
			in.texts[shown] = data
			env.Files = append(env.Files, intake.File{Name: shown, Data: data})
		}
		envs = append(envs, env)
	}
	values, findings := intake.Read(envs)
	if values == nil {
		in.progress.clear()
		return nil, in.print(findings)
	}
	in.progress.around(func() {
		_ = in.text(findings)
		// Lines with secrets are not shown: no file system has them.
		_ = finding.Text(in.Err, emptyFS{}, append(values.Secrets(), in.encrypted(values)...), in.colour(in.ErrTerminal))
	})
	return values, nil
}

// encrypted reports files that are encrypted, which CUE has no key for.
func (in *taking) encrypted(values *intake.Values) finding.List {
	var findings finding.List
	for _, m := range values.Environments {
		if sops, ok := m.Tree()["sops"].(map[string]any); ok && sops["mac"] != nil {
			place, _, _ := m.Place([]string{"sops"})
			findings = append(findings, finding.Finding{
				Rule: "values-file", Severity: finding.Warning, Position: place, Environment: m.Name,
				Message: "the file is encrypted by sops, and would be taken as it stands",
				Help:    "leave the file out, and let the values name the Secrets that a vault fills",
			})
		}
	}
	return findings
}

// text prints findings with lines of the files of values, and of the repository.
func (in *taking) text(findings finding.List) error {
	files := maps.Clone(in.repo.Files)
	maps.Copy(files, in.texts)
	repo := in.repo
	repo.Files = files
	return finding.Text(in.Err, repo, findings, in.colour(in.ErrTerminal))
}

// print prints the findings in an error, with lines of the state that they are of.
func (in *taking) print(err error) error {
	in.progress.clear()
	if state, ok := err.(stateError); ok { //nolint:errorlint // It is made here, and wrapped by nobody.
		return state.print(in.app)
	}
	findings, rest := finding.From(err)
	if rest != nil {
		return rest
	}
	if err := in.text(findings); err != nil {
		return err
	}
	return errReported{codeOf(findings)}
}

// isChart reports whether a path is below the chart's folder.
func (in *taking) isChart(name string) bool {
	return strings.HasPrefix(name, chart.Dir+"/"+in.chart.Name+"/")
}
