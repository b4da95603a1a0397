package faults

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// mostNotes is how many notes an account keeps.
const mostNotes = 10

// noteOnPage finds the text and the id of each note on the private page.
var noteOnPage = regexp.MustCompile(`(?s)<p>(note [A-Z0-9]+ \d+)</p>.*?action="/delete_note/([^"]+)"`)

// writer is someone who is signed in to the web app and takes notes. A note's text is its name,
// and its value is that it is there.
type writer struct {
	client
	load   *load
	name   string
	cookie string
	steps  int
}

const there = "there"

func form(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values.Encode()
}

func (w *writer) post(path string, pairs ...string) answer {
	return w.send("POST", path, "application/x-www-form-urlencoded", form(pairs...), "Cookie", w.cookie)
}

func (w *writer) step() {
	w.steps++
	switch {
	case w.cookie == "":
		w.signIn()
	case w.steps%3 == 0:
		w.read()
	default:
		w.write()
	}
}

func (w *writer) signIn() {
	a := w.post("/login", "id", w.name, "pw", password)
	if a.failed() {
		return
	}
	w.cookie = sessionOf(a)
	if a.status != 302 || w.cookie == "" {
		w.load.t.Errorf("%s cannot sign in: %d %v", w.name, a.status, a.header)
	}
}

// sessionOf gives the session's cookie as a browser would send it back, or "".
func sessionOf(a answer) string {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == "session" {
			return c.Name + "=" + c.Value
		}
	}
	return ""
}

// signedOut tells whether the answer is that nobody is signed in, and whether that can be true.
func (w *writer) signedOut(a answer) bool {
	if a.status != 401 {
		return false
	}
	if !w.load.forgets {
		w.load.t.Errorf("%s was signed out", w.name)
	}
	w.cookie = ""
	return true
}

func (w *writer) write() {
	text := fmt.Sprintf("note %s %d", w.name, w.steps)
	a := w.post("/write_note", "text_note_to_take", text)
	if !w.signedOut(a) {
		w.settle("write", a, text, there)
	}
}

func (w *writer) settle(what string, a answer, text, value string) {
	switch {
	case a.status == 302:
		w.load.notes.change(text, value, true)
		w.load.wrote.Add(1)
	case a.failed():
		w.load.notes.change(text, value, false)
	case a.status == 404 && w.load.notes.may(text, absent):
	default:
		w.load.t.Errorf("%s of %s: %d %s", what, text, a.status, a.body)
	}
}

// read holds the page against what was promised, and removes what is too much.
func (w *writer) read() {
	a := w.send("GET", "/private/", "", "", "Cookie", w.cookie)
	if a.failed() || w.signedOut(a) {
		return
	}
	found := map[string]string{}
	for _, match := range noteOnPage.FindAllStringSubmatch(a.body, -1) {
		found[match[1]] = match[2]
	}
	for text := range w.load.notes.all() {
		value := absent
		if found[text] != "" {
			value = there
		}
		if strings.HasPrefix(text, "note "+w.name+" ") && !w.load.notes.may(text, value) {
			w.load.t.Errorf("%q on the page is %q", text, value)
		}
	}
	for text, id := range found {
		if len(found) <= mostNotes {
			return
		}
		delete(found, text)
		deleted := w.post("/delete_note/" + id)
		if w.signedOut(deleted) {
			return
		}
		w.settle("delete", deleted, text, absent)
	}
}

// notesOf reads the notes of some accounts, for the end of a test.
func (l *load) notesOf(names ...string) map[string]string {
	l.t.Helper()
	found := map[string]string{}
	for _, name := range names {
		w := &writer{client: newClient(l), load: l, name: name}
		w.signIn()
		a := w.send("GET", "/private/", "", "", "Cookie", w.cookie)
		if a.status != 200 {
			l.t.Errorf("the notes of %s: %d %s", name, a.status, a.body)
		}
		for _, match := range noteOnPage.FindAllStringSubmatch(a.body, -1) {
			found[match[1]] = there
		}
	}
	return found
}
