package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/argocd/argocdtest"
)

// argocdStates are what an Argo CD of a script answers. Each look at an Application
// moves it on to its next state, and the last one stays.
type argocdStates struct {
	// dir is the folder of the script. A revision in a state is anything that Git
	// takes for a commit there, at the time of the look.
	dir    string
	states map[string][]argocdtest.State // by NAMESPACE/NAME
}

// argocdCommand starts an Argo CD, and points the variables at it: argocd FILE. The
// file is YAML: a list of states by NAMESPACE/NAME.
func argocdCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: argocd file")
	}
	s := &argocdStates{dir: ts.MkAbs(".")}
	ts.Check(yaml.UnmarshalStrict([]byte(ts.ReadFile(args[0])), &s.states))
	server := argocdtest.Start(s.look)
	ts.Defer(server.Close)
	for name, value := range server.Variables() {
		ts.Setenv(name, value)
	}
}

func (s *argocdStates) look(namespace, name string) argocdtest.State {
	states := s.states[namespace+"/"+name]
	if len(states) == 0 {
		return argocdtest.State{Code: http.StatusNotFound}
	}
	state := states[0]
	if len(states) > 1 {
		s.states[namespace+"/"+name] = states[1:]
	}
	state.Revision = s.commit(state.Revision)
	if state.LastSync != "" {
		state.LastSync = s.commit(state.LastSync)
	}
	return state
}

// commit returns the id of a revision.
func (s *argocdStates) commit(rev string) string {
	cmd := exec.Command("git", "rev-parse", "--verify", "--quiet", rev+"^{commit}")
	cmd.Dir = s.dir
	out, err := cmd.Output()
	if err != nil {
		return rev
	}
	return strings.TrimSpace(string(out))
}

// recordCommand writes the record of an approval: record ENV NUMBER REV TIME
func recordCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: record environment number revision time")
	}
	ts.Check(ts.Exec("git", "rev-parse", args[2]))
	r := approval.Record{Commit: strings.TrimSpace(ts.ReadFile("stdout")), ApprovedBy: "Ada <ada@example.com>", Evidence: "stage: healthy"}
	_, err := fmt.Sscan(args[1], &r.Number)
	ts.Check(err)
	r.ApprovedAt, err = time.Parse(time.RFC3339, args[3])
	ts.Check(err)
	r.ApprovedAt = r.ApprovedAt.UTC()
	ts.Check(r.Check())
	ts.Check(os.WriteFile(ts.MkAbs("envs/"+args[0]+"/approval.yaml"), r.YAML(), 0o644))
}

// maskCommand writes a text with signs in place of the ids of commits, which differ
// from one state of this repository to the next: mask FROM TO
func maskCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mask from to")
	}
	text := ts.ReadFile(args[0])
	cmd := exec.Command("git", "rev-list", "--all")
	cmd.Dir = ts.MkAbs(".")
	ids, err := cmd.Output()
	ts.Check(err)
	for id := range strings.FieldsSeq(string(ids)) {
		text = strings.ReplaceAll(text, id, strings.Repeat("#", len(id)))
		text = strings.ReplaceAll(text, id[:10], "##########")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}
