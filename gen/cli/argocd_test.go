package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/approval"
)

// argocdToken is what the Argo CD of scripts wants to see.
const argocdToken = "a-token-for-tests"

// argocdState is how an Application is at one look.
type argocdState struct {
	// Code is the HTTP status of an answer without an Application, such as 404.
	Code int
	// Revision is anything that Git takes for a commit, in the folder of the script
	// and at the time of the look; LastSync is that of the last sync.
	Revision, LastSync string
	Sync, Health       string
	Phase, Message     string
	// Unhealthy is why the Deployment is as Health says.
	Unhealthy string
	Images    []string
}

// argocdServer answers as Argo CD's API does; the shape of its answers is held
// against the real types by argocd/verify. Each look at an Application moves it on
// to its next state, and the last one stays.
type argocdServer struct {
	dir string

	mu     sync.Mutex
	states map[string][]argocdState // by NAMESPACE/NAME
}

// argocdCommand starts an Argo CD, and points the variables at it: argocd FILE. The
// file is YAML: a list of states by NAMESPACE/NAME.
func argocdCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: argocd file")
	}
	s := &argocdServer{dir: ts.MkAbs(".")}
	ts.Check(yaml.UnmarshalStrict([]byte(ts.ReadFile(args[0])), &s.states))
	server := httptest.NewServer(s)
	ts.Defer(server.Close)
	ts.Setenv("ARGOCD_SERVER", server.URL)
	ts.Setenv("ARGOCD_AUTH_TOKEN", argocdToken)
}

func (s *argocdServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refuse := func(code int) {
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"error":"refused","message":"refused","code":%d}`, code)
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/api/v1/applications/")
	switch {
	case r.Header.Get("Authorization") != "Bearer "+argocdToken:
		refuse(http.StatusUnauthorized)
		return
	case r.Method != http.MethodGet || !ok:
		refuse(http.StatusForbidden)
		return
	}
	namespace := r.URL.Query().Get("appNamespace")
	s.mu.Lock()
	defer s.mu.Unlock()
	states := s.states[namespace+"/"+name]
	if len(states) == 0 {
		refuse(http.StatusNotFound)
		return
	}
	state := states[0]
	if len(states) > 1 {
		s.states[namespace+"/"+name] = states[1:]
	}
	if state.Code != 0 {
		refuse(state.Code)
		return
	}
	_ = json.NewEncoder(w).Encode(s.application(namespace, name, state))
}

func (s *argocdServer) application(namespace, name string, state argocdState) any {
	type object = map[string]any
	status := object{
		"sync":         object{"status": state.Sync, "revision": s.commit(state.Revision)},
		"health":       object{"status": state.Health},
		"summary":      object{"images": state.Images},
		"reconciledAt": "2025-03-10T12:00:00Z",
	}
	if state.Phase != "" {
		status["operationState"] = object{"phase": state.Phase, "message": state.Message}
	}
	if state.LastSync != "" {
		status["history"] = []object{{"revision": s.commit(state.LastSync)}}
	}
	if state.Unhealthy != "" {
		status["resources"] = []object{{"kind": "Deployment", "name": name, "health": object{"status": state.Health, "message": state.Unhealthy}}}
	}
	return object{"metadata": object{"namespace": namespace, "name": name}, "status": status}
}

// commit returns the id of a revision.
func (s *argocdServer) commit(rev string) string {
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
