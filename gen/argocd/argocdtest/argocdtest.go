// Package argocdtest is an Argo CD for tests, on loopback: the part of its API that
// says how an Application is, with the answers and the refusals of the real one. The
// shape of its answers is held against the real types by argocd/verify.
package argocdtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// Token is what the server lets in.
const Token = "a-token-for-tests" // Nothing secret: the server is the test's own.

// State is how an Application is at one look.
type State struct {
	// Code is the HTTP status of an answer without an Application, such as 404.
	Code int
	// Revision is the full id of the commit it was compared with, LastSync that of
	// the last sync.
	Revision, LastSync string
	Sync, Health       string
	Phase, Message     string
	// Unhealthy is why the Deployment is as Health says.
	Unhealthy string
	Images    []string
}

// Server is a running Argo CD.
type Server struct {
	http *httptest.Server

	mu   sync.Mutex // one look at a time
	look func(namespace, name string) State
}

// Start starts a server. It calls look for each request that asks for an
// Application, one after the other.
func Start(look func(namespace, name string) State) *Server {
	s := &Server{look: look}
	s.http = httptest.NewServer(s)
	return s
}

// Close stops the server.
func (s *Server) Close() { s.http.Close() }

// Variables are those that lead gen, and Argo CD's own program, to the server.
func (s *Server) Variables() map[string]string {
	return map[string]string{"ARGOCD_SERVER": s.http.URL, "ARGOCD_AUTH_TOKEN": Token}
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, "/api/v1/applications/")
	switch {
	case r.Header.Get("Authorization") != "Bearer "+Token:
		refuse(w, http.StatusUnauthorized)
		return
	case r.Method != http.MethodGet || !ok:
		refuse(w, http.StatusForbidden)
		return
	}
	namespace := r.URL.Query().Get("appNamespace")
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.look(namespace, name)
	if state.Code != 0 {
		refuse(w, state.Code)
		return
	}
	_ = json.NewEncoder(w).Encode(application(namespace, name, state))
}

func refuse(w http.ResponseWriter, code int) {
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"error":"refused","message":"refused","code":%d}`, code)
}

func application(namespace, name string, state State) any {
	type object = map[string]any
	status := object{
		"sync":         object{"status": state.Sync, "revision": state.Revision},
		"health":       object{"status": state.Health},
		"summary":      object{"images": state.Images},
		"reconciledAt": "2025-03-10T12:00:00Z",
	}
	if state.Phase != "" {
		status["operationState"] = object{"phase": state.Phase, "message": state.Message}
	}
	if state.LastSync != "" {
		status["history"] = []object{{"revision": state.LastSync}}
	}
	if state.Unhealthy != "" {
		status["resources"] = []object{{"kind": "Deployment", "name": name, "health": object{"status": state.Health, "message": state.Unhealthy}}}
	}
	return object{"metadata": object{"namespace": namespace, "name": name}, "status": status}
}
