package people_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"gitlab.com/towpath/towpath/service/database/databasetest"
	"gitlab.com/towpath/towpath/service/people"
)

// document is what /openapi.json says, together with validators for its schemas.
type document struct {
	t        *testing.T
	root     map[string]any
	compiler *jsonschema.Compiler
}

func loadDocument(t *testing.T, c client) document {
	t.Helper()
	_, text := c.send("GET", "/openapi.json", "")
	root, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020) // what OpenAPI 3.1 says
	if err := compiler.AddResource("openapi.json", root); err != nil {
		t.Fatal(err)
	}
	return document{t, root.(map[string]any), compiler}
}

// at compiles the schema at a JSON pointer.
func (d document) at(pointer string) *jsonschema.Schema {
	d.t.Helper()
	schema, err := d.compiler.Compile("openapi.json#" + pointer)
	if err != nil {
		d.t.Fatalf("%s: %v", pointer, err)
	}
	return schema
}

func escape(token string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(token)
}

func valid(t *testing.T, schema *jsonschema.Schema, text string) bool {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return schema.Validate(value) == nil
}

// values are what to try for any field: right for some, wrong for the others, and close to the
// bounds that the document names.
func values(property map[string]any) []string {
	all := []string{
		"null", "true", "false", "0", "1", "-1", "3.0", "3.5", "30e-1", "1e2", "0.42", "-0.0", "1e15", "1e16", "-1e16", "1e300",
		`""`, `"1"`, `"true"`, `"male"`, `"Male"`, `"other"`, `"x"`, `"a\u0000b"`, `"\ud83d\ude00"`, "[]", `["male"]`, "{}", `{"a":1}`,
		`"5F3C1D52-7c8e-4a3b-9f0e-2d6b8a1c4e77"`, `"5f3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e7"`, `"{5f3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e77}"`, `"5f3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e77\n"`,
	}
	if most, ok := property["maxLength"].(json.Number); ok {
		n, _ := most.Int64()
		for _, r := range []string{"a", "é", "𝒜"} {
			all = append(all, `"`+strings.Repeat(r, int(n))+`"`, `"`+strings.Repeat(r, int(n)+1)+`"`)
		}
	}
	for _, bound := range []string{"minimum", "maximum"} {
		if n, ok := property[bound].(json.Number); ok {
			i, _ := n.Int64()
			all = append(all, fmt.Sprint(i-1), fmt.Sprint(i), fmt.Sprint(i+1))
		}
	}
	return all
}

// bodies makes objects from a schema: each value for each field beside good ones, each field
// missing, and many at random.
func bodies(schema map[string]any) []string {
	properties := schema["properties"].(map[string]any)
	good := map[string]json.RawMessage{}
	var names []string
	for name, p := range properties {
		names = append(names, name)
		example, _ := json.Marshal(p.(map[string]any)["examples"].([]any)[0])
		good[name] = example
	}
	slices.Sort(names)
	var all []string
	write := func(change func(o map[string]json.RawMessage)) {
		o := map[string]json.RawMessage{}
		for name, value := range good {
			if name != "uuid" { // or all but the first would be taken
				o[name] = value
			}
		}
		change(o)
		text, _ := json.Marshal(o)
		all = append(all, string(text))
	}
	write(func(map[string]json.RawMessage) {})
	write(func(o map[string]json.RawMessage) { o["unknown"] = json.RawMessage("[null]") })
	for _, name := range names {
		write(func(o map[string]json.RawMessage) { delete(o, name) })
		for _, value := range values(properties[name].(map[string]any)) {
			write(func(o map[string]json.RawMessage) { o[name] = json.RawMessage(value) })
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		write(func(o map[string]json.RawMessage) {
			for range 1 + random.IntN(3) {
				name := names[random.IntN(len(names))]
				if candidates := values(properties[name].(map[string]any)); random.IntN(4) > 0 {
					o[name] = json.RawMessage(candidates[random.IntN(len(candidates))])
				} else {
					delete(o, name)
				}
			}
		})
	}
	return append(all, "[]", "null", `"x"`, "1", "true", "{}")
}

// Every request body that the document allows is accepted, every other one is refused, and
// every answer is as the document says.
func TestDocumentAgreesOnBodies(t *testing.T) {
	c := newClient(t, people.NewStore(databasetest.SQLite(t)), people.Options{Docs: true})
	d := loadDocument(t, c)
	schemas := d.root["components"].(map[string]any)["schemas"].(map[string]any)
	person, failure := d.at("/components/schemas/Person"), d.at("/components/schemas/Problem")
	var made struct{ UUID string }
	c.want(200, "POST", "/people", ada, &made)

	for _, tt := range []struct {
		method, path, schema string
		success              int
	}{
		{"POST", "/people", "NewPerson", 200},
		{"POST", "/api/v1/people", "NewPerson", 201},
		{"PUT", "/people/" + made.UUID, "PersonChanges", 200},
		{"PUT", "/api/v1/people/" + made.UUID, "PersonChanges", 200},
	} {
		request := d.at("/components/schemas/" + tt.schema)
		accepted, refused := 0, 0
		for _, body := range bodies(schemas[tt.schema].(map[string]any)) {
			answer, text := c.send(tt.method, tt.path, body)
			if valid(t, request, body) {
				accepted++
				if answer.StatusCode == 409 && strings.Contains(body, "uuid") {
					continue // allowed, and taken by now
				}
				if answer.StatusCode != tt.success || !valid(t, person, text) {
					t.Errorf("%s %s: the document allows %s; got %d %s", tt.method, tt.path, body, answer.StatusCode, text)
				}
			} else {
				refused++
				if answer.StatusCode != 400 || !valid(t, failure, text) {
					t.Errorf("%s %s: the document forbids %s; got %d %s", tt.method, tt.path, body, answer.StatusCode, text)
				}
			}
		}
		if accepted < 50 || refused < 50 {
			t.Errorf("%s %s: only %d accepted and %d refused", tt.method, tt.path, accepted, refused)
		}
	}
}

// A parameter is accepted if the value it stands for fits the document's schema.
func TestDocumentAgreesOnParameters(t *testing.T) {
	store := people.NewStore(databasetest.SQLite(t))
	fill(t, store, 5)
	c := newClient(t, store, people.Options{Docs: true})
	d := loadDocument(t, c)
	for _, path := range []string{"/people", "/api/v1/people"} {
		operation := d.root["paths"].(map[string]any)[path].(map[string]any)["get"].(map[string]any)
		for i, p := range operation["parameters"].([]any) {
			parameter := p.(map[string]any)
			name := parameter["name"].(string)
			schema := parameter["schema"].(map[string]any)
			validator := d.at(fmt.Sprintf("/paths/%s/get/parameters/%d/schema", escape(path), i))
			for _, value := range append(values(schema), `"0000000000000003"`, `"7fffffffffffffff"`, `"8000000000000000"`, "1000", "1001") {
				// A query carries text; for other types than string that is the JSON of the value.
				text := value
				if schema["type"] == "string" {
					if !strings.HasPrefix(value, `"`) {
						continue
					}
					if err := json.Unmarshal([]byte(value), &text); err != nil {
						t.Fatal(err)
					}
				} else if strings.ContainsAny(value, `.eE-`) && name == "limit" {
					continue // 3.0 is an integer to JSON Schema; as a size of a page we want digits
				}
				answer, body := c.send("GET", path+"?"+url.Values{name: {text}}.Encode(), "")
				if allowed := valid(t, validator, value); allowed != (answer.StatusCode == 200) {
					t.Errorf("%s=%s: allowed by the document: %t; got %d %s", name, text, allowed, answer.StatusCode, body)
				}
			}
		}
	}
}

// The document names every route, and every status that a route can answer with.
func TestDocumentIsComplete(t *testing.T) {
	store := people.NewStore(databasetest.SQLite(t))
	workload := people.New(store, people.Options{Docs: true})
	c := newClient(t, store, people.Options{Docs: true})
	d := loadDocument(t, c)
	if d.root["openapi"] != "3.1.0" {
		t.Errorf("openapi: %v", d.root["openapi"])
	}
	paths := d.root["paths"].(map[string]any)
	described := 0
	for _, item := range paths {
		for method := range item.(map[string]any) {
			if method != "parameters" {
				described++
			}
		}
	}
	param := regexp.MustCompile(`:(\w+)`)
	routes := 0
	for _, r := range workload.Routes {
		if r.Path == "/openapi.json" || r.Path == "/docs" {
			continue
		}
		routes++
		item, _ := paths[param.ReplaceAllString(r.Path, "{$1}")].(map[string]any)
		if item == nil || item[strings.ToLower(r.Method)] == nil {
			t.Errorf("%s %s is not in the document", r.Method, r.Path)
		}
	}
	if routes != described {
		t.Errorf("%d routes, %d operations", routes, described)
	}
	nobody := "/00000000-0000-4000-8000-000000000000"
	for _, r := range []struct {
		method, path, template, body, contentType string
		status                                    int
	}{
		{"GET", "/people?limit=x", "/people", "", "", 400},
		{"POST", "/people", "/people", "x", "text/plain", 415},
		{"PUT", "/people" + nobody, "/people/{uuid}", "x", "text/plain", 415},
		{"PUT", "/people" + nobody, "/people/{uuid}", "{}", "application/json", 404},
		{"GET", "/api/v1/people" + nobody, "/api/v1/people/{uuid}", "", "", 404},
		{"DELETE", "/api/v1/people" + nobody, "/api/v1/people/{uuid}", "", "", 404},
	} {
		answer, _ := c.send(r.method, r.path, r.body, "Content-Type", r.contentType)
		operation := paths[r.template].(map[string]any)[strings.ToLower(r.method)].(map[string]any)
		if answer.StatusCode != r.status || operation["responses"].(map[string]any)[fmt.Sprint(r.status)] == nil {
			t.Errorf("%s %s: got %d, which the document may not name", r.method, r.path, answer.StatusCode)
		}
	}
	// The list is an array of persons.
	fill(t, store, 3)
	_, list := c.send("GET", "/people", "")
	if !valid(t, d.at("/paths/~1people/get/responses/200/content/application~1json/schema"), list) {
		t.Errorf("the list is not as described: %s", list)
	}
}

func TestDocsAreOffByDefault(t *testing.T) {
	c := newClient(t, people.NewStore(databasetest.SQLite(t)), people.Options{})
	for _, path := range []string{"/openapi.json", "/docs"} {
		c.refuses(404, "GET", path, "")
	}
}

// The page and the document ask nothing of another host.
func TestDocsAreSelfContained(t *testing.T) {
	c := newClient(t, people.NewStore(databasetest.SQLite(t)), people.Options{Docs: true})
	answer, page := c.send("GET", "/docs", "")
	if answer.StatusCode != 200 || !strings.Contains(page, "<code>POST /api/v1/people</code>") || !strings.Contains(page, "siblingsOrSpousesAboard") {
		t.Errorf("got %d %s", answer.StatusCode, page)
	}
	for _, foreign := range []string{"://", `src="//`, `href="//`, "<style", " style=", "<script>", "onclick"} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page has %s", foreign)
		}
	}
	first, text := c.send("GET", "/openapi.json", "")
	if first.Header.Get("Content-Type") != "application/json" || strings.Contains(text, "://") {
		t.Errorf("got %s", text)
	}
	if _, again := c.send("GET", "/openapi.json", ""); !bytes.Equal([]byte(text), []byte(again)) {
		t.Error("the document changes")
	}
}
