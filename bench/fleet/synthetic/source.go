package synthetic

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"strconv"
	"strings"
	"text/template"

	"cuelang.org/go/cue/format"
)

//go:embed templates
var templates embed.FS

var sources = template.Must(template.New("").Funcs(template.FuncMap{"seq": seq}).ParseFS(templates, "templates/*.tmpl"))

// seq is the numbers below n.
func seq(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

// Sources are the files of the environments and of the teams, by their path in the
// repository.
func (f Fleet) Sources() (map[string][]byte, error) {
	if err := f.validate(); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for i, name := range f.Names() {
		env := newEnvironment(i, name)
		var teams []team
		for number := range f.services(i) {
			if number%len(tasks) == 0 {
				teams = append(teams, team{Environment: env, Number: number / len(tasks), Name: teamOf(number / len(tasks))})
			}
			t := &teams[len(teams)-1]
			t.Releases = append(t.Releases, newRelease(env, f.service(number)))
		}
		if err := write(files, path.Join("envs", name, "env.cue"), "env.cue.tmpl", env); err != nil {
			return nil, err
		}
		for _, t := range teams {
			for file, from := range map[string]string{
				path.Join("envs", name, t.Name, "env.cue"):        "team.cue.tmpl",
				path.Join("envs", name, t.Name, "release.cue"):    "release.cue.tmpl",
				path.Join("envs", "teams", t.Name, t.Name+".cue"): "defaults.cue.tmpl",
			} {
				if err := write(files, file, from, t); err != nil {
					return nil, err
				}
			}
		}
	}
	return files, nil
}

// write adds a file, in CUE's own format.
func write(files map[string][]byte, name, from string, data any) error {
	if files[name] != nil {
		return nil // A team's defaults are the same for all environments.
	}
	var text bytes.Buffer
	if err := sources.ExecuteTemplate(&text, from, data); err != nil {
		return err
	}
	formatted, err := format.Source(text.Bytes())
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, text.Bytes())
	}
	files[name] = formatted
	return nil
}

// environment is what the template of env.cue reads.
type environment struct {
	Name, Package, Tier, PromotedFrom string
	Number                            int
	Production                        bool
}

func newEnvironment(number int, name string) environment {
	env := environment{Name: name, Package: identifier(name), Number: number, Tier: "production", Production: true, PromotedFrom: "stage"}
	switch number {
	case 0:
		env.Tier, env.Production, env.PromotedFrom = "development", false, ""
	case 1:
		env.Tier, env.Production, env.PromotedFrom = "staging", false, "dev"
	}
	return env
}

// team is what the templates of a team's files read.
type team struct {
	Environment environment
	Number      int
	Name        string
	Releases    []release
}

// Package is the name of the team's package.
func (t team) Package() string { return identifier(t.Name) }

// Import is how the team's package is imported.
func (t team) Import() string {
	from := "gitlab.com/towpath/towpath/envs/teams/" + t.Name
	if t.Package() != t.Name {
		from += ":" + t.Package()
	}
	return strconv.Quote(from)
}

// Block is the third number of the team's networks.
func (t team) Block() int { return t.Number % 256 }

// release is what the template of a release reads.
type release struct {
	Name, Chart, Tag, Digest string
	Replicas                 int
	Environment              environment
	Template                 string // which of them its values are made from
}

// Secrets are those that a large release reads.
func (r release) Secrets() []string { return []string{"database", "redis", "shout"} }

func newRelease(env environment, s service) release {
	r := release{Name: s.name, Chart: s.chart, Tag: s.tag, Digest: s.digest, Replicas: s.replicas, Environment: env}
	switch env.Tier {
	case "development":
		r.Replicas = 1
	case "staging":
		r.Replicas = 2
	}
	r.Template = s.chart
	if s.chart == "service" {
		r.Template = s.size.String()
	}
	return r
}

// Values is the CUE of the release.
func (r release) Values() (string, error) {
	var text strings.Builder
	err := sources.ExecuteTemplate(&text, r.Template+".cue.tmpl", r)
	return strings.TrimSpace(text.String()), err
}

// identifier turns a name into one of CUE's.
func identifier(name string) string { return strings.ReplaceAll(name, "-", "_") }
