package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// order is the flow: a package may import those before it.
var order = []string{
	"memory", "parallel", "opened", "kept", "document", "tool", "finding", "environment", "edit", "ahead", "values", "schema", "chart", "cases", "watch", "manifest", "kubernetes", "delivery", "argocd",
	"revision", "commit", "signature", "approval", "affected", "render", "fleet", "policy", "blame", "diff", "report", "intake", "waiver", "explain", "produce", "output", "gitlab", "check", "cli",
}

// TestImports keeps the flow one way, and what is slow to start out of gen.
func TestImports(t *testing.T) {
	const prefix = "gitlab.com/towpath/towpath/gen/"
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports ","}}`, "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), ":")
		name, inGen := strings.CutPrefix(pkg, prefix)
		if !inGen || strings.Contains(name, "/") {
			continue // main, and programs below a package that make its data.
		}
		place := slices.Index(order, name)
		if place < 0 {
			t.Errorf("gen/%s has no place in the flow", name)
			continue
		}
		for _, path := range strings.Split(imports, ",") {
			if imported, ok := strings.CutPrefix(path, prefix); ok && slices.Index(order, imported) >= place {
				t.Errorf("gen/%s imports gen/%s, which comes after it", name, imported)
			}
		}
	}
	deps, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, deps)
	}
	if strings.Contains(string(deps), "github.com/argoproj/") {
		t.Error("gen links Argo CD, which argocd/verify alone may do")
	}
}
