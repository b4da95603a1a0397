// Package check holds the environments against everything that can be known
// before a merge: the contract, the freshness of produced files, the charts,
// and the objects that Kubernetes would get.
//
// Each check is a function from loaded data to findings; Run calls them all and
// returns what all of them found.
package check

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/output"
	"gitlab.com/towpath/towpath/gen/produce"
	"gitlab.com/towpath/towpath/gen/render"
)

// Options say what to check.
type Options struct {
	// Names are the environments to check; see [environment.Resolve].
	Names []string
	// Jobs is the number of releases checked at once, at least 1.
	Jobs int
	// Load loads environments; it is environment.Load unless the caller has
	// something faster.
	Load func(repo fs.FS, names []string) (*environment.Set, error)
	// Progress, if not nil, is told how many of the releases are done. It is
	// called from several goroutines.
	Progress func(done, total int)
}

// Run checks the environments and returns all findings, in the order of files.
// The error reports what prevented the check itself.
func Run(repo fs.FS, o Options) (finding.List, error) {
	all, err := environment.Names(repo)
	if err != nil {
		return nil, err
	}
	set, err := o.Load(repo, all)
	findings, rest := finding.From(err)
	if rest != nil {
		return nil, rest
	}
	// Files that list all environments can't be judged while one is invalid.
	whole := len(findings) == 0
	findings = slices.DeleteFunc(findings, func(f finding.Finding) bool {
		return f.Environment != "" && !slices.Contains(o.Names, f.Environment)
	})
	if set == nil {
		return findings.Sort(), nil
	}
	selected := slices.DeleteFunc(slices.Clone(set.Environments), func(env *environment.Environment) bool {
		return !slices.Contains(o.Names, env.Name)
	})

	files, err := produced(repo, selected, set.Environments, whole)
	if found, rest := finding.From(err); rest != nil {
		return nil, rest
	} else if len(found) > 0 {
		return append(findings, found...).Sort(), nil
	}
	stale, err := Stale(repo, files, selected, whole)
	if err != nil {
		return nil, err
	}
	findings = append(findings, stale...)
	findings = append(findings, ArgoCD(files, selected)...)

	releases, err := Releases(render.New(repo), repo, selected, o)
	if err != nil {
		return nil, err
	}
	return append(findings, releases...).Sort(), nil
}

// produced returns the files that the selected environments and all of them
// together produce.
func produced(repo fs.FS, selected, all []*environment.Environment, whole bool) ([]produce.File, error) {
	if !whole {
		all = nil
	}
	files, err := produce.Shared(repo, all)
	if err != nil {
		return nil, err
	}
	for _, env := range selected {
		mine, err := produce.Environment(env)
		if err != nil {
			return nil, err
		}
		files = append(files, mine...)
	}
	return files, nil
}

// Stale reports committed files that are not what they are produced to be.
func Stale(repo fs.FS, files []produce.File, selected []*environment.Environment, whole bool) (finding.List, error) {
	var findings finding.List
	add := func(f produce.File, line int, message string) {
		help := "run gen render"
		if f.Environment != "" {
			help += " " + environment.Dir + "/" + f.Environment
		}
		findings = append(findings, finding.Finding{
			Rule: "stale-file", Severity: finding.Error,
			Position: finding.Position{File: f.Path, Line: line},
			Message:  message, Help: help, Environment: f.Environment,
		})
	}
	for _, file := range files {
		change, err := output.Compare(repo, file.Path, file.Content)
		if err != nil {
			return nil, err
		}
		switch {
		case change.State == output.Unchanged:
		case change.Old == nil:
			add(file, 0, "the file is missing")
		default:
			add(file, firstDifference(change.Old, change.New), "the file is not what its sources produce")
		}
	}
	var names []string
	for _, env := range selected {
		names = append(names, env.Name)
	}
	leftovers, err := produce.Leftovers(repo, files, names, whole)
	if err != nil {
		return nil, err
	}
	for _, name := range leftovers {
		add(produce.File{Path: name}, 0, "the file is no longer produced")
	}
	return findings, nil
}

// firstDifference returns the number of the first line that differs.
func firstDifference(a, b []byte) int {
	line := 1
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		if a[i] == '\n' {
			line++
		}
	}
	return line
}

// ArgoCD reports objects among the produced files that Kubernetes, with Argo CD
// installed, would not accept.
func ArgoCD(files []produce.File, selected []*environment.Environment) finding.List {
	var findings finding.List
	for _, file := range files {
		i := slices.IndexFunc(selected, func(env *environment.Environment) bool { return env.Name == file.Environment })
		if i < 0 || path.Ext(file.Path) != ".yaml" || strings.HasPrefix(file.Path, environment.Dir+"/") {
			continue
		}
		api, err := kubernetes.Open(selected[i].Cluster.KubernetesVersion)
		if err != nil {
			continue // Reported with the releases.
		}
		for _, doc := range strings.Split(string(file.Content), "\n---\n") {
			var object map[string]any
			if err := yaml.Unmarshal([]byte(doc), &object); err != nil || isKustomization(object) {
				continue
			}
			for _, problem := range api.Validate(object) {
				findings = append(findings, objectFinding(problem, finding.Position{File: file.Path}, locate(string(file.Content), problem.Path)))
			}
		}
	}
	return findings
}

// isKustomization reports whether the object is kustomize's own and never
// reaches a cluster.
func isKustomization(object map[string]any) bool {
	version, _ := object["apiVersion"].(string)
	return strings.HasPrefix(version, "kustomize.config.k8s.io/")
}

// Releases reports what is wrong with the releases of the environments: with
// their charts, the values that their charts accept, and their objects.
func Releases(renderer *render.Renderer, repo fs.FS, selected []*environment.Environment, o Options) (finding.List, error) {
	type result struct {
		findings finding.List
		objects  []manifest.Object
	}
	var group errgroup.Group
	group.SetLimit(o.Jobs)
	results := make([][]result, len(selected))
	var done atomic.Int64
	total := 0
	for _, env := range selected {
		total += len(env.Releases)
	}
	for i, env := range selected {
		results[i] = make([]result, len(env.Releases))
		for j, release := range env.Releases {
			group.Go(func() error {
				findings, objects, err := Release(renderer, repo, env, release)
				results[i][j] = result{findings, objects}
				if o.Progress != nil {
					o.Progress(int(done.Add(1)), total)
				}
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var findings finding.List
	for i, env := range selected {
		owned := map[string][]manifest.Object{}
		for j, release := range env.Releases {
			findings = append(findings, results[i][j].findings...)
			owned[release.Name] = results[i][j].objects
		}
		for _, f := range manifest.Duplicates(owned) {
			f.Environment = env.Name
			findings = append(findings, f)
		}
	}
	return merge(findings), nil
}

// Release checks one release, and returns its objects if it renders.
func Release(renderer *render.Renderer, repo fs.FS, env *environment.Environment, release environment.Release) (finding.List, []manifest.Object, error) {
	c, err := renderer.Chart(release.Chart)
	if err != nil {
		findings, rest := finding.From(err)
		return findings, nil, rest
	}
	request, err := renderer.Request(env, release)
	if err != nil {
		return nil, nil, err
	}
	var tree map[string]any
	if err := yaml.Unmarshal(request.Values[0], &tree); err != nil {
		return nil, nil, fmt.Errorf("reading the values of %s: %w", release.Name, err)
	}
	findings := c.Hermetic(tree)
	for i := range findings {
		if findings[i].IsValid() {
			continue
		}
		// A text of the values that a template would run.
		if notes := render.Origin(release, findings[i].Object); len(notes) > 0 {
			findings[i].Position = notes[0].Position
		}
		findings[i].Object = ""
	}
	if more, rest := finding.From(c.ValidateValues(request)); rest != nil {
		return nil, nil, rest
	} else if len(more) > 0 {
		return append(findings, more...), nil, nil
	}
	if slices.ContainsFunc(findings, func(f finding.Finding) bool { return f.Rule == "template-error" }) {
		return findings, nil, nil // It would be found again.
	}
	objects, err := renderer.Objects(env, release, request)
	if err != nil {
		more, rest := finding.From(err)
		// Helm leaves some functions that are not hermetic out, and then finds
		// that they are not defined.
		more = slices.DeleteFunc(more, func(f finding.Finding) bool {
			return slices.ContainsFunc(findings, func(known finding.Finding) bool {
				return known.File == f.File && known.Line == f.Line
			})
		})
		return append(findings, more...), nil, rest
	}
	more, err := Objects(repo, env, release, objects)
	return append(findings, more...), objects, err
}

// merge joins findings that several releases share, as they do if the chart is
// to blame: what is affected is then no single release.
func merge(findings finding.List) finding.List {
	var merged finding.List
	for _, f := range findings {
		i := slices.IndexFunc(merged, func(g finding.Finding) bool {
			return g.Rule == f.Rule && g.Position == f.Position && g.Message == f.Message
		})
		if i < 0 {
			merged = append(merged, f)
			continue
		}
		if merged[i].Environment != f.Environment {
			merged[i].Environment = ""
		}
		if merged[i].Release != f.Release {
			merged[i].Release = ""
		}
	}
	return merged
}
