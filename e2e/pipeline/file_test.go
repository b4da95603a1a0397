package pipeline

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/bench/toolcache"
)

// configuration returns .gitlab-ci.yml as data.
func configuration(t *testing.T, text []byte) any {
	t.Helper()
	data, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// The file is right by GitLab's own schema.
func TestSchema(t *testing.T) {
	out, err := exec.Command("node", "schema.mjs", toolcache.GitLabCILocal.Require(t)).Output()
	if err != nil {
		t.Fatal(err)
	}
	data, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("https://gitlab.com/.gitlab-ci.yml", data); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("https://gitlab.com/.gitlab-ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(read(t, filepath.Join(Root, ".gitlab-ci.yml")))
	if err := schema.Validate(configuration(t, text)); err != nil {
		t.Errorf("%v", err)
	}
	// The schema means something.
	wrong := bytes.Replace(text, []byte("expose_as:"), []byte("exposed_as:"), 1)
	if bytes.Equal(wrong, text) || schema.Validate(configuration(t, wrong)) == nil {
		t.Error("a word that GitLab does not know is right by the schema")
	}
}

// Reserved words are no names of jobs: GitLab takes them for settings of the whole
// file, and the schema does not see that.
func TestNamesOfJobs(t *testing.T) {
	root := configuration(t, []byte(read(t, filepath.Join(Root, ".gitlab-ci.yml")))).(map[string]any)
	for _, reserved := range []string{"image", "services", "before_script", "after_script", "cache", "true", "false", "nil", "pages:deploy"} {
		if _, ok := root[reserved]; ok {
			t.Errorf("%s is no name for a job, and is set by default: otherwise", reserved)
		}
	}
}

// The scripts that jobs run are there, and can be run.
func TestScripts(t *testing.T) {
	root := configuration(t, []byte(read(t, filepath.Join(Root, ".gitlab-ci.yml")))).(map[string]any)
	found := 0
	for name, value := range root {
		job, ok := value.(map[string]any)
		if !ok {
			continue
		}
		for _, line := range lines(job["script"]) {
			words := strings.Fields(line)
			i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, ".ci/") })
			if i < 0 {
				continue
			}
			found++
			info, err := os.Stat(filepath.Join(Root, words[i]))
			if err != nil {
				t.Errorf("job %s: %v", name, err)
			} else if info.Mode()&0o111 == 0 {
				t.Errorf("job %s: %s is not executable", name, words[i])
			}
		}
	}
	if found == 0 {
		t.Error("no job runs a script of .ci")
	}
}

// lines are the commands of a script, which is one or a list.
func lines(script any) (all []string) {
	switch script := script.(type) {
	case string:
		all = strings.Split(script, "\n")
	case []any:
		for _, line := range script {
			all = append(all, lines(line)...)
		}
	}
	return all
}

// What people see in the merge request is named, and has paths that are found: GitLab
// exposes nothing for a pattern.
func TestExposed(t *testing.T) {
	root := configuration(t, []byte(read(t, filepath.Join(Root, ".gitlab-ci.yml")))).(map[string]any)
	artifacts := root["diff"].(map[string]any)["artifacts"].(map[string]any)
	if artifacts["expose_as"] != "What this does to each environment" {
		t.Errorf("exposed as %v", artifacts["expose_as"])
	}
	if artifacts["when"] != "always" {
		t.Error("a job that fails on a risk has to keep its reports")
	}
	for _, path := range artifacts["paths"].([]any) {
		if s := path.(string); strings.ContainsAny(s, "*?[$") || strings.HasPrefix(s, "./") {
			t.Errorf("path %s is exposed by no GitLab", s)
		}
	}
}

// jobs are the jobs of the file.
func jobs(t *testing.T) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for name, value := range configuration(t, []byte(read(t, filepath.Join(Root, ".gitlab-ci.yml")))).(map[string]any) {
		if job, ok := value.(map[string]any); ok && job["script"] != nil {
			all[name] = job
		}
	}
	if len(all) < 10 {
		t.Fatalf("only %d jobs in .gitlab-ci.yml", len(all))
	}
	return all
}

var tableRow = regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|")

// docs/pipeline.md has a row for every job, and for no other; and it knows what people
// and projects can set.
func TestDocumented(t *testing.T) {
	text := read(t, filepath.Join(Root, "docs/pipeline.md"))
	_, rest, ok := strings.Cut(text, "\n## Jobs\n")
	section, _, end := strings.Cut(rest, "\n## ")
	if !ok || !end {
		t.Fatal("docs/pipeline.md has no section Jobs")
	}
	var rows []string
	for _, m := range tableRow.FindAllStringSubmatch(section, -1) {
		rows = append(rows, m[1])
	}
	slices.Sort(rows)
	if want := slices.Sorted(maps.Keys(jobs(t))); !slices.Equal(rows, want) {
		t.Errorf("docs/pipeline.md describes the jobs\n%v, and the file has\n%v", rows, want)
	}
	names := []string{"GITLAB_TOKEN", "GITLAB_NOTE_TOKEN", "GEN_SIGNING_KEY", "GEN_SIGNING_PASSPHRASE", "ARGOCD_SERVER", "ARGOCD_AUTH_TOKEN"}
	root := configuration(t, []byte(read(t, filepath.Join(Root, ".gitlab-ci.yml")))).(map[string]any)
	for name, value := range root["variables"].(map[string]any) {
		if _, forPeople := value.(map[string]any); forPeople {
			names = append(names, name)
		}
	}
	// What a script takes a default for is something to set.
	scripts, err := filepath.Glob(filepath.Join(Root, ".ci/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		for _, m := range withDefault.FindAllStringSubmatch(read(t, script), -1) {
			names = append(names, m[1])
		}
	}
	for _, name := range names {
		if !strings.HasPrefix(name, "CI_") && !strings.HasPrefix(name, "GITLAB_USER_") && !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/pipeline.md says nothing of the variable %s", name)
		}
	}
	adopt := read(t, filepath.Join(Root, "docs/adopt.md"))
	for _, name := range names[:6] {
		if !strings.Contains(adopt, "`"+name+"`") {
			t.Errorf("docs/adopt.md does not say where %s is set", name)
		}
	}
}

var withDefault = regexp.MustCompile(`\$\{([A-Z][A-Z_]+):-`)

var readsHistory = regexp.MustCompile(`git (fetch|cat-file|describe)|\.ci/(version|identity)`)

// A job that reads history has all of it: GitLab clones 20 commits.
func TestDepth(t *testing.T) {
	found := 0
	for name, job := range jobs(t) {
		for _, line := range lines(job["script"]) {
			for _, word := range strings.Fields(line) {
				if !strings.HasPrefix(word, ".ci/") || !readsHistory.MatchString(read(t, filepath.Join(Root, word))) {
					continue
				}
				found++
				variables, _ := job["variables"].(map[string]any)
				if variables["GIT_DEPTH"] != "0" {
					t.Errorf("job %s runs %s, which reads history, without GIT_DEPTH: \"0\"", name, word)
				}
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d jobs read history", found)
	}
}
