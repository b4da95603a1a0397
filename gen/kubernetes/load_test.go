package kubernetes

import (
	"bytes"
	"embed"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gitlab.com/towpath/towpath/gen/kubernetes/internal/schema"
)

// countingFiles remembers which of the embedded files were read.
type countingFiles struct {
	embed.FS
	mu   sync.Mutex
	read []string
}

func (c *countingFiles) ReadFile(name string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = append(c.read, name)
	return c.FS.ReadFile(name)
}

func TestLoadsOnlyWhatIsUsed(t *testing.T) {
	files := &countingFiles{FS: stored}
	s := &store{files: files}
	expect := func(doing string, want ...string) {
		t.Helper()
		if !slices.Equal(files.read, want) {
			t.Fatalf("after %s, read %q, want %q", doing, files.read, want)
		}
	}
	api, err := s.open("1.33")
	if err != nil {
		t.Fatal(err)
	}
	expect("opening")
	api.Validate(decode(t, goodObjects["a workload with all sorts of scalars"]))
	expect("a Deployment", "schemas/kubernetes-1.33.gz")
	api.Validate(decode(t, goodObjects["an Application"]))
	expect("an Application", "schemas/kubernetes-1.33.gz", "schemas/argoproj.io_Application.gz")
	again, _ := s.open("v1.33.2")
	again.Validate(decode(t, goodObjects["an Application"]))
	expect("the same again", "schemas/kubernetes-1.33.gz", "schemas/argoproj.io_Application.gz")

	parsed, all := 0, api.builtin().definitions
	for _, d := range all {
		if d.schema != nil {
			parsed++
		}
	}
	if parsed == 0 || parsed > 50 {
		t.Errorf("parsed %d of %d definitions, want the few that a Deployment reaches", parsed, len(all))
	}
}

// TestStartIsFree asks the runtime what this package does before main: GODEBUG=inittrace=1 prints a line for
// every package that initializes anything.
func TestStartIsFree(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace bytes.Buffer
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, trace.String())
	}
	if !bytes.Contains(trace.Bytes(), []byte("init ")) {
		t.Fatalf("the runtime printed no trace:\n%s", trace.String())
	}
	line := regexp.MustCompile(`init \S+/gen/kubernetes @.* (\d+) bytes, (\d+) allocs`).FindSubmatch(trace.Bytes())
	if line == nil {
		return // nothing to initialize at all
	}
	if size, _ := strconv.Atoi(string(line[1])); size > 4096 {
		t.Errorf("the package allocates before main: %s", line[0])
	}
}

func TestConcurrent(t *testing.T) {
	s := &store{files: stored}
	api, err := s.open("1.34")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		for name, object := range goodObjects {
			decoded := decode(t, object)
			group.Go(func() {
				if problems := api.Validate(decoded); problems != nil {
					t.Errorf("%s: %v", name, problems)
				}
			})
		}
	}
	group.Wait()
}

// TestEveryDefinitionIsSound parses all that is stored, so that none can be damaged and go unnoticed until used.
func TestEveryDefinitionIsSound(t *testing.T) {
	s := &store{files: stored}
	for _, name := range s.names() {
		f := s.load(name)
		if len(f.kinds) == 0 {
			t.Errorf("%s defines no kind", name)
		}
		for _, kind := range f.kinds {
			if f.definitions[kind.Definition] == nil {
				t.Errorf("%s: %s %s has no definition", name, kind.APIVersion, kind.Kind)
			}
		}
		for definition := range f.definitions {
			f.definition(definition)
		}
	}
	for _, version := range s.versions() {
		api, _ := s.open(version)
		for _, name := range s.names() {
			for definition := range s.load(name).definitions {
				for _, ref := range refs(s.load(name).definition(definition)) {
					if api.builtin().definitions[ref] == nil && (name == "kubernetes-"+version || !isVersion(name)) {
						t.Errorf("%s: %s refers to %s, which %s does not have", name, definition, ref, version)
					}
				}
			}
		}
	}
}

func isVersion(name string) bool { return strings.HasPrefix(name, "kubernetes-") }

func refs(s *schema.Schema) (found []string) {
	if s == nil {
		return nil
	}
	if s.Ref != "" {
		found = append(found, s.Ref)
	}
	found = append(append(found, refs(s.Items)...), refs(s.Additional)...)
	for _, property := range s.Properties {
		found = append(found, refs(property)...)
	}
	return found
}

// The first validation in a process loads a version; the following ones do not.
func BenchmarkFirst(b *testing.B) {
	object := decode(b, goodObjects["a workload with all sorts of scalars"])
	for b.Loop() {
		api, err := (&store{files: stored}).open("1.33")
		if err != nil {
			b.Fatal(err)
		}
		api.Validate(object)
	}
}

func BenchmarkFirstApplication(b *testing.B) {
	object := decode(b, goodObjects["an Application"])
	for b.Loop() {
		api, err := (&store{files: stored}).open("1.33")
		if err != nil {
			b.Fatal(err)
		}
		api.Validate(object)
	}
}

func BenchmarkNext(b *testing.B) {
	object := decode(b, goodObjects["a workload with all sorts of scalars"])
	api := open(b, "1.33")
	for b.Loop() {
		api.Validate(object)
	}
}
