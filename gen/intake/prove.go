package intake

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/render"
)

// Proof is what rendering a chart both ways has shown.
type Proof struct {
	// Objects is the number of objects that were compared, in all environments.
	Objects int
	// Unlike are the environments whose objects differ, Report what differs: from the
	// files to CUE.
	Unlike []string
	Report *diff.Report
	// Unsteady are the templates' objects that differ from one rendering of the same
	// files to the next, as those do that ask for a random number.
	Unsteady []string
}

// Objects are those of releases, by environment and then by release, in the order in
// which they are rendered.
type Objects map[string]map[string][]manifest.Object

// Plain renders the chart with the files of each environment, as Helm does, in an
// environment with regions for each of them. The environments tell where they run. What
// Helm refuses is a [finding.List], at the places in the files.
func Plain(c *chart.Chart, values *Values, envs []*environment.Environment, release string) (Objects, error) {
	objects := Objects{}
	var findings finding.List
	for i, m := range values.Environments {
		objects[m.Name] = map[string][]manifest.Object{}
		for _, r := range envs[i].ReleasesOf(release) {
			found, err := objectsOf(c, m, requestOf(m, envs[i], r))
			list, rest := finding.From(err)
			if rest != nil {
				return nil, rest
			}
			for j := range list {
				list[j].Environment = m.Name
			}
			findings = append(findings, list...)
			objects[m.Name][r.Name] = found
			if len(list) > 0 {
				break // Other regions would say it again.
			}
		}
	}
	if len(findings) > 0 {
		return nil, findings.Sort()
	}
	return objects, nil
}

func requestOf(m Merged, env *environment.Environment, release environment.Release) chart.Release {
	cluster := env.ClusterOf(release)
	request := chart.Release{
		Name: release.Helm, Namespace: env.Namespace,
		KubernetesVersion: cluster.HelmVersion(), APIVersions: cluster.APIVersions,
	}
	for _, f := range m.Files {
		request.Values = append(request.Values, f.Data)
	}
	return request
}

func objectsOf(c *chart.Chart, m Merged, request chart.Release) ([]manifest.Object, error) {
	if err := c.ValidateValues(request); err != nil {
		return nil, m.rejected(c, err)
	}
	sources, err := c.Render(request)
	if err != nil {
		return nil, m.blamed(err)
	}
	return manifest.Parse(sources)
}

// atPointer finds the JSON Pointers in what a validator of JSON Schema says, one a
// line: what is below a value that is wrong is indented below it.
var atPointer = regexp.MustCompile(`(?m)^( *)- at '(.*?)': (.*)$`)

// rejected leads what the chart's schema says to the lines that say otherwise.
func (m Merged) rejected(c *chart.Chart, err error) error {
	list, rest := finding.From(err)
	if rest != nil || len(list) != 1 || list[0].Rule != "values-schema" {
		return err
	}
	var findings finding.List
	said := -1 // The indentation of what was said last, which says enough of what is below.
	for _, match := range atPointer.FindAllStringSubmatch(list[0].Message, -1) {
		indent, message := len(match[1]), match[3]
		if said >= 0 && indent > said {
			continue
		}
		said = -1
		if message == "validation failed" {
			continue // By what is below it.
		}
		said = indent
		var names []string
		for _, part := range strings.Split(strings.TrimPrefix(match[2], "/"), "/") {
			if part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part); part != "" {
				names = append(names, part)
			}
		}
		f := finding.Finding{
			Rule: "values-schema", Severity: finding.Error, Position: list[0].Position,
			Message: message,
			Help:    "Helm refuses the file too; mend it, or the schema",
			Notes:   []finding.Note{{Position: finding.Position{File: c.Path() + "/values.schema.json"}, Message: "the chart's schema"}},
		}
		if len(names) > 0 {
			f.Message = environment.JoinPath(names) + ": " + message
		}
		if unknown := additional.FindStringSubmatch(message); unknown != nil {
			names = append(names, unknown[1])
		}
		if place, width, ok := m.Place(names); ok {
			f.Position, f.Width = place, width
		} else {
			f.Position = finding.Position{File: c.Path() + "/values.yaml"}
		}
		findings = append(findings, f)
	}
	if len(findings) == 0 {
		list[0].Help = "Helm refuses the files too; mend them, or the schema"
		return list
	}
	return findings
}

var additional = regexp.MustCompile(`additional propert(?:y|ies) '([^']+)'`)

// blamed adds to findings of templates the line with the value that they speak of.
func (m Merged) blamed(err error) error {
	list, rest := finding.From(err)
	if rest != nil {
		return err
	}
	for i := range list {
		key := list[i].Object
		list[i].Object = ""
		if place, _, ok := m.Place(fields(key)); ok && key != "" {
			list[i].Notes = append(list[i].Notes, finding.Note{Position: place, Message: "the value " + key})
		}
		if list[i].Help == "" {
			list[i].Help = "the chart can't be rendered with the plain files either"
		}
	}
	return list
}

// Prove renders the releases with the values that CUE makes, and compares them with
// what the files rendered to: object by object, and in the same order. The
// environments are in the order of the values.
func Prove(renderer *render.Renderer, values *Values, envs []*environment.Environment, release string, plain Objects) (*Proof, error) {
	proof := &Proof{}
	from := diff.Side{State: diff.State{Name: "the files"}, Objects: Objects{}}
	to := diff.Side{State: diff.State{Name: "CUE"}, Objects: Objects{}}
	var unlike []string // Releases.
	for i, m := range values.Environments {
		env := envs[i]
		releases := env.ReleasesOf(release)
		if len(releases) == 0 {
			return nil, fmt.Errorf("environment %s has no release %s", env.Name, release)
		}
		for _, r := range releases {
			request, err := renderer.Request(env, r)
			if err != nil {
				return nil, err
			}
			request.Values = request.Values[:1] // The files know of no approval.
			objects, err := renderer.Objects(env, r, request)
			if err != nil {
				return nil, err
			}
			proof.Objects += len(objects)
			files := plain[m.Name][r.Name]
			if sameObjects(files, objects) {
				continue
			}
			c, err := renderer.Chart(r.Chart)
			if err != nil {
				return nil, err
			}
			if again, err := objectsOf(c, m, requestOf(m, env, r)); err == nil {
				proof.Unsteady = append(proof.Unsteady, unlikeObjects(files, again)...)
			}
			if !slices.Contains(proof.Unlike, m.Name) {
				proof.Unlike = append(proof.Unlike, m.Name)
				from.Environments, to.Environments = append(from.Environments, env), append(to.Environments, env)
				from.Objects[env.Name], to.Objects[env.Name] = map[string][]manifest.Object{}, map[string][]manifest.Object{}
			}
			unlike = append(unlike, r.Name)
			from.Objects[env.Name][r.Name], to.Objects[env.Name][r.Name] = files, objects
		}
	}
	if len(proof.Unlike) == 0 {
		return proof, nil
	}
	// The releases that are not taken in have no objects on either side.
	var err error
	proof.Report, err = diff.Compare(from, to, diff.Options{FieldsOnly: true})
	if err != nil {
		return nil, err
	}
	for i := range proof.Report.Environments {
		e := &proof.Report.Environments[i]
		e.Releases = slices.DeleteFunc(e.Releases, func(r diff.Release) bool { return !slices.Contains(unlike, r.Name) })
	}
	return proof, nil
}

func sameObjects(a, b []manifest.Object) bool {
	return slices.EqualFunc(a, b, func(x, y manifest.Object) bool { return x.Template == y.Template && same(x.Data, y.Data) })
}

// unlikeObjects names the objects that are in both and differ.
func unlikeObjects(a, b []manifest.Object) []string {
	var names []string
	for i := range min(len(a), len(b)) {
		if !same(a[i].Data, b[i].Data) {
			names = append(names, a[i].String())
		}
	}
	return names
}
