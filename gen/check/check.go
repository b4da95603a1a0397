// Package check holds the environments against everything that can be known
// before a merge: the contract, the freshness of produced files, the charts, the
// objects that Kubernetes would get, and the policy.
//
// Each check is a function from loaded data to findings; Run calls them all and
// returns what all of them found.
package check

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/blame"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/output"
	"gitlab.com/towpath/towpath/gen/produce"
	"gitlab.com/towpath/towpath/gen/render"
	"gitlab.com/towpath/towpath/gen/tool"
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
	// Today decides which waivers have ended.
	Today time.Time
	// Tools are the versions that the lock has to name, nil if they are not known.
	Tools tool.List
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
	if o.Tools != nil {
		files = append(files, produce.Lock(o.Tools))
	}
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
	findings = append(findings, slices.DeleteFunc(Order(set.Environments, all), func(f finding.Finding) bool {
		return !slices.Contains(o.Names, f.Environment)
	})...)

	values := startValues(repo, set.Environments, selected)
	finder := blame.New(repo)
	renderer := render.New(repo)
	charts := startCharts(repo, renderer, set.Environments, selected)
	releases, found, err := Releases(renderer, finder, selected, o)
	if err != nil {
		return nil, err
	}
	others := slices.DeleteFunc(slices.Clone(set.Environments), func(env *environment.Environment) bool { return slices.Contains(selected, env) })
	judged, err := judge(finder, selected, append(releases, renderOthers(renderer, others, o.Jobs)...), <-values, o.Today)
	if err != nil {
		return nil, err
	}
	watched := <-charts
	if watched.err != nil {
		return nil, watched.err
	}
	findings = append(findings, watched.findings...)
	return append(findings, merge(append(found, judged...))...).Sort(), nil
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
		case file.Path == tool.LockFile:
			add(file, firstDifference(change.Old, change.New), otherTools(change.Old, change.New))
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

// otherTools says which versions of a lock are not those of this program.
func otherTools(old, now []byte) string {
	before, err := tool.Parse(old)
	after, _ := tool.Parse(now)
	changes := tool.Changes(before, after)
	if err != nil || len(changes) == 0 {
		return "the file is not what gen writes"
	}
	var texts []string
	for _, c := range changes {
		texts = append(texts, c.String())
	}
	return "this gen is another than the one that produced the committed files: " + strings.Join(texts, ", ")
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
		above := 0 // Lines above the document.
		for _, doc := range strings.Split(string(file.Content), "\n---\n") {
			from := above
			above += strings.Count(doc, "\n") + 2
			var object map[string]any
			if err := yaml.Unmarshal([]byte(doc), &object); err != nil || isKustomization(object) {
				continue
			}
			for _, problem := range api.Validate(object) {
				place := blame.Place{Position: blame.Line(doc, problem.Path)}
				place.File = file.Path
				if place.Line > 0 {
					place.Line += from
				}
				findings = append(findings, objectFinding(problem, place))
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
