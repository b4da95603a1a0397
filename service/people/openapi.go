package people

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"gitlab.com/towpath/towpath/service/problem"
)

// schema describes the values of a field, in JSON Schema.
func (f field) schema() map[string]any {
	s := map[string]any{}
	switch f.at(new(Person)).(type) {
	case *bool:
		s["type"] = "boolean"
	case *int32:
		s["type"], s["minimum"], s["maximum"] = "integer", -wholeBound, wholeBound
	case *float64:
		// As numbers that JSON writes out: every parser reads them as the same.
		s["type"], s["minimum"], s["maximum"] = "number", json.Number("-1000000000000000"), json.Number("1000000000000000")
	case *uuid.UUID:
		s["type"], s["format"], s["pattern"] = "string", "uuid", uuidPattern
	case *string:
		s["type"] = "string"
		if f.enum != nil {
			s["enum"] = f.enum
			break
		}
		s["pattern"] = textPattern
		if f.most > 0 {
			s["maxLength"] = f.most
		}
	}
	return s
}

// property is the schema of a field with what a person wants to know.
func (f field) property() map[string]any {
	s := f.schema()
	s["description"] = f.about
	s["examples"] = []any{json.RawMessage(f.example)}
	return s
}

func ref(kind, name string) map[string]any {
	return map[string]any{"$ref": "#/components/" + kind + "/" + name}
}

// schemas are the three forms of a person, and a problem.
func schemas() map[string]any {
	object := func(about string, keep func(field) bool, needed func(field) bool) map[string]any {
		properties, required := map[string]any{}, []string{}
		for _, f := range fields {
			if keep(f) {
				properties[f.name] = f.property()
				if needed(f) {
					required = append(required, f.name)
				}
			}
		}
		s := map[string]any{"type": "object", "description": about, "properties": properties}
		if len(required) > 0 {
			s["required"] = required
		}
		return s
	}
	all := func(field) bool { return true }
	none := func(field) bool { return false }
	text := map[string]any{"type": "string"}
	problemField := map[string]any{
		"type": "object", "required": []string{"field", "detail"},
		"properties": map[string]any{"field": text, "detail": text},
	}
	return map[string]any{
		"Person": object("A person in the register.", all, all),
		"NewPerson": object("A person to put in. Fields that are not listed are ignored.", all,
			func(f field) bool { return !f.optional }),
		"PersonChanges": object("New values for some fields. Fields that are not listed, uuid among them, are ignored.",
			func(f field) bool { return !f.fixed }, none),
		"Problem": map[string]any{
			"type": "object", "description": "An error, as in RFC 9457.", "required": []string{"type", "title", "status"},
			"properties": map[string]any{
				"type": text, "title": text, "detail": text,
				"status": map[string]any{"type": "integer"},
				"errors": map[string]any{"type": "array", "items": problemField, "description": "Every field at fault."},
			},
		},
	}
}

func jsonContent(schema map[string]any) map[string]any {
	return map[string]any{fiber.MIMEApplicationJSON: map[string]any{"schema": schema}}
}

func answer(about string, schema map[string]any) map[string]any {
	a := map[string]any{"description": about}
	if schema != nil {
		a["content"] = jsonContent(schema)
	}
	return a
}

var problems = map[int]string{
	fiber.StatusBadRequest:           "The request is at fault; errors names every field.",
	fiber.StatusNotFound:             "There is no person with this uuid.",
	fiber.StatusConflict:             "The uuid is taken by another person.",
	fiber.StatusUnsupportedMediaType: "The body is not application/json.",

	fiber.StatusRequestEntityTooLarge: "The body is too large.",
	fiber.StatusServiceUnavailable:    "The database can't be reached; Retry-After says when to try again.",
	fiber.StatusInsufficientStorage:   "The disk of the database is full.",
}

// operation puts together one method of one path.
func operation(id, summary string, status int, success map[string]any, errors ...int) map[string]any {
	answers := map[string]any{strconv.Itoa(status): success}
	for _, e := range append(errors, fiber.StatusServiceUnavailable) {
		answers[strconv.Itoa(e)] = map[string]any{
			"description": problems[e],
			"content":     map[string]any{problem.ContentType: map[string]any{"schema": ref("schemas", "Problem")}},
		}
	}
	return map[string]any{"operationId": id, "summary": summary, "responses": answers}
}

func withBody(op map[string]any, schema string) map[string]any {
	op["requestBody"] = map[string]any{"required": true, "content": jsonContent(ref("schemas", schema))}
	return op
}

// describe is what the document says of one of the two places.
func (p path) describe(name string) map[string]any {
	const bad, missing, taken, media = http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusUnsupportedMediaType
	const large, full = http.StatusRequestEntityTooLarge, http.StatusInsufficientStorage
	person := ref("schemas", "Person")

	list := answer("The persons, in the order in which they came in.", map[string]any{"type": "array", "items": person})
	list["headers"] = map[string]any{"Link": map[string]any{
		"description": `With limit, unless this is the last page: the address of the next one, rel="next".`,
		"schema":      map[string]any{"type": "string"},
	}}
	read := operation("list"+name, "List persons", http.StatusOK, list, bad)
	var query []any
	for _, q := range parameters {
		query = append(query, map[string]any{"name": q.name, "in": "query", "description": q.about, "schema": q.schema})
	}
	read["parameters"] = query

	made := answer("The person as it was put in.", person)
	if p.created == http.StatusCreated {
		made["headers"] = map[string]any{"Location": map[string]any{
			"description": "Address of the person.", "schema": map[string]any{"type": "string"}}}
	}
	gone := answer("The person is no longer there.", nil)
	if p.deleted == http.StatusOK {
		gone = answer("The person is no longer there.", map[string]any{"type": "object", "maxProperties": 0})
	}
	return map[string]any{
		p.prefix: map[string]any{
			"get":  read,
			"post": withBody(operation("create"+name, "Put in a person", p.created, made, bad, taken, media, large, full), "NewPerson"),
		},
		p.prefix + "/{uuid}": map[string]any{
			"parameters": []any{map[string]any{"name": "uuid", "in": "path", "required": true,
				"description": fieldNamed("uuid").about, "schema": fieldNamed("uuid").schema()}},
			"get":    operation("get"+name, "Get a person", http.StatusOK, answer("The person.", person), missing),
			"put":    withBody(operation("update"+name, "Change some fields of a person", http.StatusOK, answer("The whole person after the change.", person), bad, missing, media, large, full), "PersonChanges"),
			"delete": operation("delete"+name, "Remove a person", p.deleted, gone, missing, full),
		},
	}
}

// document is the OpenAPI document.
func document() map[string]any {
	paths := map[string]any{}
	for _, place := range []struct {
		path
		name string
	}{{plain, "People"}, {v1, "PeopleV1"}} {
		for p, item := range place.describe(place.name) {
			paths[p] = item
		}
	}
	return map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title":       "People",
			"version":     "1",
			"description": "A register of people. /people and /api/v1/people are the same register; they differ in the statuses of creating and removing.",
		},
		"servers":    []any{map[string]any{"url": "/"}},
		"paths":      paths,
		"components": map[string]any{"schemas": schemas()},
	}
}
