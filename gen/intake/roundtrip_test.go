package intake_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/edit"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/intake"
	"gitlab.com/towpath/towpath/gen/render"
)

// smallContract has of the contract what it takes to load an environment, and is
// quick to evaluate.
const smallContract = `package contract

#Environment: {
	name!:     string
	tier:      *"staging" | string
	namespace: *"harbour" | string
	cluster: {server: *"https://kubernetes.default.svc" | string, kubernetesVersion: *"1.33" | string, apiVersions: [...string]}
	delivery: {...}
	releases!: [Name=string]: #Release & {name: Name}
}

#Release: {
	name:   string
	chart!: string
	values: #Charts[chart]

	_foreign: [if #Foreign[chart] != _|_ {true}, false][0]
}

#Charts: {}
#Foreign: [string]: true
`

// dump is a chart whose one object holds all of its values.
func dump(defaults string) map[string]string {
	return map[string]string{
		"Chart.yaml":              "apiVersion: v2\nname: dump\nversion: 1.0.0\n",
		"values.yaml":             defaults,
		"templates/configmap.yml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: dump}\ndata:\n  values: {{ toJson .Values | quote }}\n",
	}
}

// repositoryWith returns a small repository with a chart of the name dump.
func repositoryWith(files map[string]string) fstest.MapFS {
	repo := fstest.MapFS{
		"envs/cue.mod/module.cue":       {Data: []byte("module: \"gitlab.com/towpath/towpath/envs@v0\"\nlanguage: version: \"v0.17.0\"\nsource: kind: \"self\"\n")},
		"envs/contract/environment.cue": {Data: []byte(smallContract)},
	}
	for name, text := range files {
		repo["charts/dump/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return repo
}

// taken is what came of taking in files of values.
type taken struct {
	written *intake.Written
	envs    []*environment.Environment
	proof   *intake.Proof
}

// take takes in files of values, one for each environment, as gen import does: with
// the chart's defaults left out, or else not. err is what Helm says against the files.
func take(t *testing.T, repo fstest.MapFS, name string, names []string, texts ...string) (*taken, error) {
	t.Helper()
	c, err := chart.Load(repo, name)
	if err != nil {
		return nil, err
	}
	var envs []intake.Environment
	for i, text := range texts {
		envs = append(envs, intake.Environment{Name: names[i], Files: []intake.File{{Name: "values-" + names[i] + ".yaml", Data: []byte(text)}}})
	}
	values, findings := intake.Read(envs)
	if values == nil {
		return nil, findings
	}
	for _, m := range values.Environments {
		if isUnwritable(m.Tree()) {
			t.Skip("YAML as Helm's library writes it has no -0.0, and loses U+0085; the proof finds that, and import refuses")
		}
	}
	var made *taken
	for _, keep := range []bool{false, true} {
		var shown string
		made, shown, err = try(t, repo, c, values, intake.Options{Release: "boat", Keep: keep}, names)
		if err != nil {
			return nil, err
		}
		if len(made.proof.Unlike) == 0 {
			return made, nil
		}
		if keep {
			t.Errorf("the objects of %v differ:\n%s\n%q", made.proof.Unlike, shown, texts)
		}
	}
	return made, nil
}

// try takes values in, in one way.
func try(t *testing.T, repo fstest.MapFS, c *chart.Chart, values *intake.Values, o intake.Options, names []string) (made *taken, shown string, err error) {
	t.Helper()
	written, err := intake.Write(repo, c, values, o)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range append(written.Contract, written.Environments...) {
		files[f.Path] = f.Content
		shown += fmt.Sprintf("== %s\n%s", f.Path, f.Content)
	}
	for _, name := range names {
		files["envs/"+name+"/env.cue"] = []byte("package " + name + "\n\nimport \"gitlab.com/towpath/towpath/envs/contract\"\n\ncontract.#Environment & {\n\tname: \"" + name + "\"\n}\n")
	}
	overlay := edit.Overlay{Base: repo, Files: files}
	set, err := environment.Load(overlay, names)
	if err != nil {
		t.Fatalf("what was written is invalid: %v\n%s", err, shown)
	}
	plain, err := intake.Plain(c, values, set.Environments, "boat")
	if err != nil {
		return nil, shown, err
	}
	proof, err := intake.Prove(render.New(overlay), values, set.Environments, "boat", plain)
	if err != nil {
		t.Fatalf("proving: %v\n%s", err, shown)
	}
	return &taken{written, set.Environments, proof}, shown, nil
}

func isUnwritable(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, "\u0085")
	case float64:
		return v == 0 && math.Signbit(v)
	case map[string]any:
		for key, elem := range v {
			if isUnwritable(key) || isUnwritable(elem) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, isUnwritable)
	}
	return false
}

// FuzzTake demands that whatever Helm reads is taken in with its meaning: the chart's
// one object shows all values that its templates get.
func FuzzTake(f *testing.F) {
	for _, defaults := range []string{"", "a: 1\nb: {c: x, d: [1, 2]}\n", "a:\nb: {}\nc: []\n"} {
		for _, text := range hostile {
			f.Add(defaults, text, "a: 2\n")
			f.Add(defaults, text, text)
		}
	}
	f.Fuzz(func(t *testing.T, defaults, one, two string) {
		if len(defaults)+len(one)+len(two) > 4000 || strings.Contains(one+two+defaults, "global") {
			t.Skip()
		}
		_, err := take(t, repositoryWith(dump(defaults)), "dump", []string{"one", "two"}, one, two)
		if _, rest := finding.From(err); rest != nil {
			t.Fatalf("an error that is no finding: %v", rest)
		}
	})
}

// hostile are texts that are easy to take for something else.
var hostile = []string{
	"", "# only a comment\n", "---\n", "{}\n", "a: {}\n", "a: []\n", "a: ''\n", "a:\n", "a: null\n", "a: ~\n", "b: {c: null}\n", "b: null\n", "b: text\n", "a: {x: 1}\n",
	"a: yes\nb1: no\nc: on\nd: Off\ne: y\nf: n\ng: True\n", "yes: 1\nno: 2\n1: 3\n1.5: 4\nnull: 5\ntrue: 6\n",
	"a: 08\nb1: 010\nc: 0o10\nd: 0x1F\ne: 1_000\nf: 1e3\ng: 1E400\n", "a: 1e3\nb1: 1.0\nc: .5\nd: 5.\ne: -0\n",
	"a: 9007199254740993\nb1: 12345678901234567890\nc: -9223372036854775808\nd: 123456789012345678901234567890\ne: 1e-7\n",
	"a: '08'\nb1: \"1e3\"\nc: 'true'\nd: \"null\"\ne: '~'\nf: ' x '\n", "a: 2020-01-02\nb1: 12:30:45\nc: 2020-01-02T03:04:05Z\n", "a: =\nb1: <<\nc: '<<'\n",
	"a: |\n  one\n  two\nb1: >\n  folded\n  text\n\n  more\nc: |-\n  x\nd: |+\n  x\n\n", "a: \"tab\\t nul\\0 bell\\a uni\\u263a \\x85 \\u2028 \\ufeff\"\n", "a: \"\"\"x\n", "a: '\"\"\"'\nb1: '\\(x)'\nc: '#\"'\nd: \"a\\\\\\nb\"\n",
	"x: &x {p: 1, q: [1]}\ny: *x\nz:\n  <<: *x\n  p: 2\n", "x: &x [1, {a: 2}]\ny: *x\n", "m: &m {a: 1}\nn: &n {b: 2}\no:\n  <<: [*m, *n]\n",
	"string: 1\nint: x\nnumber: y\nbool: 2\n_: 1\n_h: 2\n'#d': 3\n'': 4\n'a b': 5\nif: 6\nfor: 7\nlet: 8\nin: 9\nimport: 1\npackage: 2\ncontract: 3\n", "é: 1\n'x.y/z': 2\n'\\(a)': 3\n'\"': 4\n",
	"a: [1, two, {three: 3}, [4, [5]], null, true]\n", "a: [{n: 1, v: a}, {n: 2}]\n", "a: [null]\nb1: [[]]\nc: [{}]\n",
	"# head\n\n# of a\na: 1 # line\n# foot\n\nb1: # of b\n  # of c\n  c: 2\n  # foot of c\n", "a: # nothing\n", "a:\n  # one\n  - 1 # two\n  # three\n  - {x: 1} # four\n  # five\n",
	"a: 1\r\nb1:\r\n  c: 2 # x\r\n", "\xEF\xBB\xBFa: 1\n", "a: 1\n---\nb1: 2\n", "a: 1\na: 2\n", "a: {b: 1}\na: {c: 2}\n", "%YAML 1.1\n---\na: yes\n", "a: !!str 1\nb1: !!binary aGVsbG8=\nc: !!float 1\nd: !x y\n",
	"a: {{ .Values.b }}\n", "a: '{{ .Values.b }}'\n", "a: \"*/ /* // # @if(x)\"\n# @if(x)\n", "? [a]\n: 1\n", "a: .inf\n", "a: .nan\n", "# \x07\na: 1 #\x01\n", "a: 1 #\t// x\n",
}

// TestHostile is FuzzTake for the texts above, so that their failures have names.
func TestHostile(t *testing.T) {
	for i, text := range hostile {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			_, err := take(t, repositoryWith(dump("a: 1\nb: {c: x, d: [1, 2]}\n")), "dump", []string{"one", "two"}, text, "a: 2\n")
			if _, rest := finding.From(err); rest != nil {
				t.Fatalf("an error that is no finding: %v", rest)
			}
		})
	}
}
