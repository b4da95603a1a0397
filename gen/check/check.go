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

	"gitlab.com/towpath/towpath/gen/blame"
	"gitlab.com/towpath/towpath/gen/document"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/fleet"
	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/output"
	"gitlab.com/towpath/towpath/gen/parallel"
	"gitlab.com/towpath/towpath/gen/produce"
	"gitlab.com/towpath/towpath/gen/tool"
)

// Options say what to check.
type Options struct {
	// Names are the environments to check; see [environment.Resolve].
	Names []string
	// Jobs is the number of releases checked at once, at least 1.
	Jobs int
	// Load, if not nil, loads environments that have no teams, for who has something
	// faster than environment.Load.
	Load func(repo fs.FS, names []string) (*environment.Set, error)
	// Progress, if not nil, is told how far the work has got. It is called from several
	// goroutines.
	Progress func(fleet.Progress)
	// BatchBytes, if not 0, is how much CUE text is checked at once, at least a folder.
	BatchBytes int64
	// Today decides which waivers have ended.
	Today time.Time
	// Tools are the versions that the lock has to name, nil if they are not known.
	Tools tool.List
}

// Run checks the environments and returns all findings, in the order of files.
// The error reports what prevented the check itself.
func Run(repo fs.FS, o Options) (finding.List, error) {
	r, err := newRun(repo, o)
	if err != nil {
		return nil, err
	}
	if err := r.checkFolders(); err != nil {
		return nil, err
	}
	environments, findings, ok := r.gathering.Environments()
	// Files that list all environments can't be judged while one is invalid.
	whole := len(findings) == 0
	findings = r.ofSelected(findings)
	if !ok {
		return findings.Sort(), nil
	}
	selected := r.selected(environments)

	// None of these looks at what another finds. The policy takes several processors, and
	// the rest one each.
	steps := []func() (finding.List, error){
		func() (finding.List, error) { return r.files(environments, selected, whole) },
		func() (finding.List, error) { return r.order(environments) },
		func() (finding.List, error) { return r.charts.findings(repo, environments, selected) },
		func() (finding.List, error) {
			judged, err := r.policy(environments, selected)
			return merge(append(r.releases(selected), judged...)), err
		},
	}
	found := make([]finding.List, len(steps))
	errs := make([]error, len(steps))
	parallel.Each(len(steps), len(steps), func(i int) { found[i], errs[i] = steps[i]() })
	for _, err := range errs {
		invalid, rest := finding.From(err)
		if rest != nil {
			return nil, rest
		} else if len(invalid) > 0 {
			return append(findings, invalid...).Sort(), nil
		}
	}
	return append(findings, slices.Concat(found...)...).Sort(), nil
}

// order is [Order] of environments whose values were let go.
func (r *run) order(environments []*environment.Environment) (finding.List, error) {
	if len(Order(environments, r.all)) == 0 {
		return nil, nil
	}
	var folders []environment.Folder
	for _, env := range environments {
		folders = append(folders, environment.Folder{Environment: env.Name})
	}
	set, err := environment.LoadSome(r.repo, folders)
	if err != nil {
		return nil, err
	}
	return r.ofSelected(Order(set.Environments, r.all)), nil
}

// files holds the files that environments produce against those that are committed, and the
// objects in those for Argo CD against its API.
func (r *run) files(all, selected []*environment.Environment, whole bool) (finding.List, error) {
	files, err := r.produced(selected, all, whole)
	if err != nil {
		return nil, err
	}
	findings, err := r.stale(files, selected, whole)
	return append(findings, ArgoCD(files, selected)...), err
}

// produced returns the files that the selected environments and all of them
// together produce. Those with values have no content: they are compared already.
func (r *run) produced(selected, all []*environment.Environment, whole bool) ([]produce.File, error) {
	if !whole {
		all = nil
	}
	files, err := produce.Shared(r.repo, all)
	if err != nil {
		return nil, err
	}
	for _, env := range selected {
		if err := r.err([]*environment.Environment{env}); err != nil {
			return nil, err
		}
		files = append(files, produce.Delivery(env)...)
	}
	if r.Tools != nil {
		files = append(files, produce.Lock(r.Tools))
	}
	return files, nil
}

// stale is [Stale] of the files, and of those with values.
func (r *run) stale(files []produce.File, selected []*environment.Environment, whole bool) (finding.List, error) {
	var findings finding.List
	for _, file := range files {
		found, err := staleFile(r.repo, file)
		if err != nil {
			return nil, err
		}
		findings = append(findings, found...)
	}
	files = slices.Clone(files)
	r.each(selected, func(env *environment.Environment, release environment.Release, c *checked) {
		findings = append(findings, c.stale...)
		files = append(files, produce.Values(env, release, nil))
	})
	leftovers, err := leftovers(r.repo, files, selected, whole)
	return append(findings, leftovers...), err
}

// Stale reports committed files that are not what they are produced to be.
func Stale(repo fs.FS, files []produce.File, selected []*environment.Environment, whole bool) (finding.List, error) {
	var findings finding.List
	for _, file := range files {
		found, err := staleFile(repo, file)
		if err != nil {
			return nil, err
		}
		findings = append(findings, found...)
	}
	leftovers, err := leftovers(repo, files, selected, whole)
	return append(findings, leftovers...), err
}

// staleFile reports a committed file that is not what it is produced to be.
func staleFile(repo fs.FS, file produce.File) (finding.List, error) {
	change, err := output.Compare(repo, file.Path, file.Content)
	if err != nil {
		return nil, err
	}
	switch {
	case change.State == output.Unchanged:
		return nil, nil
	case change.Old == nil:
		return finding.List{staleFinding(file, 0, "the file is missing")}, nil
	case file.Path == tool.LockFile:
		return finding.List{staleFinding(file, firstDifference(change.Old, change.New), otherTools(change.Old, change.New))}, nil
	default:
		return finding.List{staleFinding(file, firstDifference(change.Old, change.New), "the file is not what its sources produce")}, nil
	}
}

// leftovers reports committed files that nothing produces any more. Of the files that
// are produced only the paths count.
func leftovers(repo fs.FS, files []produce.File, selected []*environment.Environment, whole bool) (finding.List, error) {
	var names []string
	for _, env := range selected {
		names = append(names, env.Name)
	}
	left, err := produce.Leftovers(repo, files, names, whole)
	if err != nil {
		return nil, err
	}
	var findings finding.List
	for _, name := range left {
		findings = append(findings, staleFinding(produce.File{Path: name}, 0, "the file is no longer produced"))
	}
	return findings, nil
}

func staleFinding(f produce.File, line int, message string) finding.Finding {
	help := "run gen render"
	if f.Environment != "" {
		help += " " + environment.Dir + "/" + f.Environment
	}
	return finding.Finding{
		Rule: "stale-file", Severity: finding.Error,
		Position: finding.Position{File: f.Path, Line: line},
		Message:  message, Help: help, Environment: f.Environment,
	}
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
			object, err := document.Unmarshal([]byte(doc), document.Floats, false)
			if err != nil || isKustomization(object) {
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
