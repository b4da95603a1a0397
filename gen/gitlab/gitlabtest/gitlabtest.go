// Package gitlabtest is a GitLab for tests, on loopback: the part of its API that
// jobs of merge requests use, with the answers, the pages and the refusals of the
// real one. It remembers what was written.
package gitlabtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Me is the user that tokens of the server belong to.
const Me = 42

// Token is what the server lets in, unless a test sets another.
const Token = "glpat-of-the-tests" // Nothing secret: the server is the test's own.

// NoteLimit is how long a note may be, in characters.
const NoteLimit = 1_000_000

// Note is a note on a merge request.
type Note struct {
	ID     int64  `json:"id"`
	Body   string `json:"body"`
	System bool   `json:"system"`
	Author struct {
		ID int64 `json:"id"`
	} `json:"author"`
}

// Write is a note that was created or changed, as the request gave it.
type Write struct {
	Method string
	Body   string
}

// Server is a running GitLab with one project and one merge request in it.
type Server struct {
	// Token is what is let in.
	Token string
	// Project and MergeRequest are what there is.
	Project, MergeRequest string

	http *httptest.Server

	mu     sync.Mutex
	notes  []Note
	writes []Write
	faults []Fault
	seen   []string
}

// Fault is what becomes of a request in place of an answer.
type Fault struct {
	// Method is that of the requests it meets, any if empty.
	Method string
	// Status is answered, or the connection is cut if 0.
	Status int
	// Done tells that the request does its work first: only the answer is lost.
	Done bool
	// Header is answered too.
	Header map[string]string
}

// Start starts a server for project 1217 with merge request 7, without notes.
func Start() *Server {
	s := &Server{Token: Token, Project: "1217", MergeRequest: "7"}
	mux := http.NewServeMux()
	const notes = "/api/v4/projects/{project}/merge_requests/{iid}/notes"
	mux.HandleFunc("GET /api/v4/user", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"id": Me, "username": "project_1217_bot"})
	})
	mux.HandleFunc("GET "+notes, s.list)
	mux.HandleFunc("POST "+notes, s.create)
	mux.HandleFunc("PUT "+notes+"/{note}", s.update)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "404 Not Found") })
	s.http = httptest.NewServer(s.guard(mux))
	return s
}

// Close stops the server.
func (s *Server) Close() { s.http.Close() }

// URL is the address of the server, without the API's path.
func (s *Server) URL() string { return s.http.URL }

// API is the address of the API, as CI_API_V4_URL has it.
func (s *Server) API() string { return s.http.URL + "/api/v4" }

// Port is the port on loopback that the server listens on.
func (s *Server) Port() int { return s.http.Listener.Addr().(*net.TCPAddr).Port }

// Variables are those that GitLab sets in a job of the merge request, and the token.
func (s *Server) Variables() map[string]string {
	return map[string]string{
		"CI_API_V4_URL":               s.API(),
		"CI_PROJECT_ID":               s.Project,
		"CI_MERGE_REQUEST_PROJECT_ID": s.Project,
		"CI_MERGE_REQUEST_IID":        s.MergeRequest,
		"GITLAB_NOTE_TOKEN":           s.Token,
	}
}

// Add puts a note on the merge request, and returns its number.
func (s *Server) Add(author int64, system bool, body string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(author, system, body).ID
}

func (s *Server) add(author int64, system bool, body string) Note {
	n := Note{ID: int64(1000 + len(s.notes)), Body: body, System: system}
	n.Author.ID = author
	s.notes = append(s.notes, n)
	return n
}

// Notes returns the notes that there are, oldest first.
func (s *Server) Notes() []Note {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notes)
}

// Writes returns what was created and changed, in order.
func (s *Server) Writes() []Write {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.writes)
}

// Requests returns the method and the path of every request, in order.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// Fail makes requests fail, one fault each, in order.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// guard lets in who has the token, and lets fail what is to fail.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Method+" "+r.URL.RequestURI())
		var fault *Fault
		if len(s.faults) > 0 && (s.faults[0].Method == "" || s.faults[0].Method == r.Method) {
			fault = &s.faults[0]
			s.faults = s.faults[1:]
		}
		token := s.Token
		s.mu.Unlock()
		if fault != nil {
			if fault.Done {
				next.ServeHTTP(httptest.NewRecorder(), r)
			}
			if fault.Status == 0 {
				panic(http.ErrAbortHandler)
			}
			for name, value := range fault.Header {
				w.Header().Set(name, value)
			}
			refuse(w, fault.Status, http.StatusText(fault.Status))
			return
		}
		if r.Header.Get("PRIVATE-TOKEN") != token {
			refuse(w, http.StatusUnauthorized, "401 Unauthorized")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// exists answers for a merge request that there is not.
func (s *Server) exists(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case r.PathValue("project") != s.Project:
		refuse(w, http.StatusNotFound, "404 Project Not Found")
	case r.PathValue("iid") != s.MergeRequest:
		refuse(w, http.StatusNotFound, "404 Not found")
	default:
		return true
	}
	return false
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	if !s.exists(w, r) {
		return
	}
	query := r.URL.Query()
	number := func(name string, otherwise int) int {
		n, err := strconv.Atoi(query.Get(name))
		if err != nil || n < 1 {
			return otherwise
		}
		return n
	}
	page, per := number("page", 1), min(number("per_page", 20), 100)
	all := s.Notes()
	slices.SortStableFunc(all, func(a, b Note) int {
		if query.Get("sort") == "asc" {
			return cmp.Compare(a.ID, b.ID)
		}
		return cmp.Compare(b.ID, a.ID)
	})
	pages := max(1, (len(all)+per-1)/per)
	from, to := min((page-1)*per, len(all)), min(page*per, len(all))
	header := w.Header()
	for name, n := range map[string]int{"X-Page": page, "X-Per-Page": per, "X-Total": len(all), "X-Total-Pages": pages} {
		header.Set(name, strconv.Itoa(n))
	}
	header.Set("X-Next-Page", "")
	if page < pages {
		header.Set("X-Next-Page", strconv.Itoa(page+1))
		header.Set("Link", fmt.Sprintf("<%s%s?%s>; rel=\"next\"", s.URL(), r.URL.Path, url.Values{"page": {strconv.Itoa(page + 1)}, "per_page": {strconv.Itoa(per)}}.Encode()))
	}
	answer(w, http.StatusOK, all[from:to])
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	body, ok := s.body(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, Write{r.Method, body})
	answer(w, http.StatusCreated, s.add(Me, false, body))
}

func (s *Server) update(w http.ResponseWriter, r *http.Request) {
	body, ok := s.body(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.notes, func(n Note) bool { return strconv.FormatInt(n.ID, 10) == r.PathValue("note") })
	switch {
	case i < 0:
		refuse(w, http.StatusNotFound, "404 Note Not Found")
	case s.notes[i].Author.ID != Me || s.notes[i].System:
		refuse(w, http.StatusForbidden, "403 Forbidden")
	default:
		s.writes = append(s.writes, Write{r.Method, body})
		s.notes[i].Body = body
		answer(w, http.StatusOK, s.notes[i])
	}
}

// body reads the text of a note, and refuses what GitLab refuses.
func (s *Server) body(w http.ResponseWriter, r *http.Request) (string, bool) {
	if !s.exists(w, r) {
		return "", false
	}
	var in struct{ Body string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || strings.TrimSpace(in.Body) == "" {
		answer(w, http.StatusBadRequest, map[string]string{"error": "body is missing"})
		return "", false
	}
	if utf8.RuneCountInString(in.Body) > NoteLimit {
		refuse(w, http.StatusBadRequest, fmt.Sprintf(`400 Bad request - Note {:note=>["is too long (maximum is %d characters)"]}`, NoteLimit))
		return "", false
	}
	return in.Body, true
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]string{"message": message})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // The client is gone if it fails.
}
