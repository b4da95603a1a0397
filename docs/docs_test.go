// Package docs_test keeps what the documents say true: the commands they show
// run, the files they point to exist, and so do the packages and names in them.
package docs_test

import (
	"bufio"
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = ".."

var (
	fence   = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	anyCode = regexp.MustCompile("(?ms)^```.*?^```$")
	link    = regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)
	code    = regexp.MustCompile("`([^`]+)`")

	// exampleFolder is one of a team's, or of a placeholder's.
	exampleFolder = regexp.MustCompile(`^envs/(teams|ENV|prod/shop|contract/shop)(\b|_)|TEAM`)
)

func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	names, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, filepath.Join(root, "README.md")) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(data)
	}
	return texts
}

// TestCommands runs every command of the README in a copy of the repository, in
// the order of the page.
func TestCommands(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	repo := t.TempDir()
	for _, dir := range []string{"envs", "charts", "argocd", "service/people/testdata"} {
		if err := os.CopyFS(filepath.Join(repo, dir), os.DirFS(filepath.Join(root, dir))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(repo, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "."}, {"-c", "user.name=Test", "-c", "user.email=test@towpath.example", "commit", "-qm", "start"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = repo
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
	programs := map[string]string{}
	ran := 0
	for _, block := range fence.FindAllStringSubmatch(string(readme), -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(line)
			args := strings.Fields(line)
			switch {
			case line == "go test ./...":
				// That is what runs here.
			case line == "go run ./service":
				serve(t, build(t, programs, "./service"), repo)
				ran++
			case len(args) > 2 && args[0] == "go" && args[1] == "run":
				cmd := exec.Command(build(t, programs, args[2]), args[3:]...)
				cmd.Dir = repo
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%s", line, err, out)
				}
				ran++
			default:
				t.Errorf("the README shows %q, which no test runs", line)
			}
		}
	}
	if ran < 5 {
		t.Errorf("only %d commands were found in the README", ran)
	}
}

// build returns the program of a package, built once.
func build(t *testing.T, programs map[string]string, pkg string) string {
	t.Helper()
	if programs[pkg] == "" {
		program := filepath.Join(t.TempDir(), path.Base(pkg))
		cmd := exec.Command("go", "build", "-o", program, pkg)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", pkg, err, out)
		}
		programs[pkg] = program
	}
	return programs[pkg]
}

// serve starts the service, which serves until it is stopped, and stops it once
// it listens. Only the ports are others than the README's, as those may be taken.
func serve(t *testing.T, program, dir string) {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOST=127.0.0.1", "PORT=0", "METRICS_PORT=0")
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(log)
	said, listens := "", false
	for lines.Scan() {
		said += lines.Text() + "\n"
		if strings.Contains(lines.Text(), `"msg":"listening"`) {
			listens = true
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil || !listens {
		t.Errorf("go run ./service: %v\n%s", err, said)
	}
}

// TestFirstScreen makes sure that the two commands that matter most stand in the
// first screen of the README.
func TestFirstScreen(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfterN(string(readme), "\n", 26)
	first := strings.Join(lines[:min(25, len(lines))], "")
	for _, command := range []string{"go run ./gen render envs/prod\n", "go test ./...\n"} {
		if !strings.Contains(first, command) {
			t.Errorf("the first 25 lines do not show %q", command)
		}
	}
}

func TestLinks(t *testing.T) {
	for name, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s: the link to %s: %v", name, m[1], err)
			}
		}
	}
}

// TestNames makes sure that what stands in code font in the documents exists:
// paths of the repository, and exported names as package.Name.
func TestNames(t *testing.T) {
	exported := exportedNames(t)
	qualified := regexp.MustCompile(`^([a-z]+)\.([A-Z][A-Za-z]+)$`)
	for name, text := range documents(t) {
		for _, m := range code.FindAllStringSubmatch(anyCode.ReplaceAllString(text, ""), -1) {
			word := m[1]
			if q := qualified.FindStringSubmatch(word); q != nil {
				names, isPackage := exported[q[1]]
				if !isPackage || !names[q[2]] {
					t.Errorf("%s: there is no %s", name, word)
				}
				continue
			}
			top, _, isPath := strings.Cut(word, "/")
			if !isPath || top == "" || strings.ContainsAny(word, " <>{}#:|") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, top)); err != nil {
				continue // Not a path of this repository.
			}
			if word == "envs/prod/approval.yaml" {
				continue // It exists on the approval branch only.
			}
			if exampleFolder.MatchString(word) {
				continue // The documents show how a team has it.
			}
			if _, err := os.Stat(filepath.Join(root, word)); err != nil {
				t.Errorf("%s: there is no %s", name, word)
			}
		}
	}
}

// TestArchitectureNamesPackages makes sure that no step of gen is missing from
// the page that leads through them.
func TestArchitectureNamesPackages(t *testing.T) {
	text, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(root, "gen"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() && !bytes.Contains(text, []byte("`gen/"+entry.Name()+"`")) {
			t.Errorf("architecture.md does not name gen/%s", entry.Name())
		}
	}
}

// exportedNames returns the exported names of gen's packages, by package.
func exportedNames(t *testing.T) map[string]map[string]bool {
	t.Helper()
	packages := map[string]map[string]bool{}
	err := filepath.WalkDir(filepath.Join(root, "gen"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		names := packages[file.Name.Name]
		if names == nil {
			names = map[string]bool{}
			packages[file.Name.Name] = names
		}
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					names[d.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if spec, ok := spec.(*ast.TypeSpec); ok {
						names[spec.Name.Name] = true
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}
