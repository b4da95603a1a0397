package people

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	sitepage "gitlab.com/towpath/towpath/service/page"
	"gitlab.com/towpath/towpath/service/workload"
)

var docsTemplate = sitepage.Parse(pageFiles, "pages/docs.html")

const docsPath = "/docs"

// docs are the routes of the document and of the page made from it.
func docs(site *sitepage.Site) []workload.Route {
	body, err := json.MarshalIndent(document(), "", "  ")
	if err != nil {
		panic(err) // it consists of constants
	}
	view := describeForPeople(document())
	return []workload.Route{
		{Method: fiber.MethodGet, Path: "/openapi.json", Handler: func(c *fiber.Ctx) error {
			c.Response().Header.SetContentType(fiber.MIMEApplicationJSON)
			return c.Send(body)
		}},
		{Method: fiber.MethodGet, Path: docsPath, Handler: func(c *fiber.Ctx) error {
			return site.Write(c, docsTemplate, fiber.StatusOK, sitepage.View{Title: "API", Content: view})
		}},
	}
}

// docsView is the document in the order and the words of its page.
type docsView struct {
	About      string
	Operations []docsOperation
	Forms      []docsForm
}

type docsOperation struct {
	ID, Method, Path, Summary, Body string
	Parameters                      []docsValue
	Answers                         []docsAnswer
}

type docsForm struct {
	Name, About string
	Fields      []docsValue
}

type docsValue struct {
	Name, Type, About, Example string
	Required                   bool
}

type docsAnswer struct{ Status, About string }

type dict = map[string]any

// describeForPeople walks the document, so that the page says what the document says.
func describeForPeople(doc dict) docsView {
	v := docsView{About: doc["info"].(dict)["description"].(string)}
	paths := doc["paths"].(dict)
	for _, path := range sorted(paths) {
		item := paths[path].(dict)
		shared, _ := item["parameters"].([]any)
		for _, method := range []string{"get", "post", "put", "delete"} {
			op, ok := item[method].(dict)
			if !ok {
				continue
			}
			own, _ := op["parameters"].([]any)
			o := docsOperation{
				ID: op["operationId"].(string), Method: strings.ToUpper(method), Path: path, Summary: op["summary"].(string),
			}
			for _, p := range append(slices.Clone(shared), own...) {
				p := p.(dict)
				o.Parameters = append(o.Parameters, docsValue{
					Name: p["name"].(string), Type: typeOf(p["schema"].(dict)), About: p["description"].(string), Required: p["required"] == true,
				})
			}
			if body, ok := op["requestBody"].(dict); ok {
				schema := body["content"].(dict)[fiber.MIMEApplicationJSON].(dict)["schema"].(dict)
				o.Body = strings.TrimPrefix(schema["$ref"].(string), "#/components/schemas/")
			}
			answers := op["responses"].(dict)
			for _, status := range sorted(answers) {
				o.Answers = append(o.Answers, docsAnswer{status, answers[status].(dict)["description"].(string)})
			}
			v.Operations = append(v.Operations, o)
		}
	}
	forms := doc["components"].(dict)["schemas"].(dict)
	for _, name := range []string{"Person", "NewPerson", "PersonChanges"} {
		form := forms[name].(dict)
		d := docsForm{Name: name, About: form["description"].(string)}
		required, _ := form["required"].([]string)
		properties := form["properties"].(dict)
		for _, f := range fields {
			if p, ok := properties[f.name].(dict); ok {
				d.Fields = append(d.Fields, docsValue{
					Name: f.name, Type: typeOf(p), About: f.about, Example: f.example, Required: slices.Contains(required, f.name),
				})
			}
		}
		v.Forms = append(v.Forms, d)
	}
	return v
}

// typeOf puts a schema into a few words.
func typeOf(schema dict) string {
	text := schema["type"].(string)
	if enum, ok := schema["enum"].([]string); ok {
		return text + ": " + strings.Join(enum, ", ")
	}
	if most, ok := schema["maxLength"]; ok {
		return fmt.Sprintf("%s of at most %v characters", text, most)
	}
	if format, ok := schema["format"]; ok {
		return fmt.Sprintf("%s (%v)", text, format)
	}
	if least, ok := schema["minimum"]; ok && text == "integer" {
		return fmt.Sprintf("%s, %v to %v", text, least, schema["maximum"])
	}
	return text
}

func sorted(m dict) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
