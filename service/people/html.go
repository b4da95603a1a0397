package people

import (
	"context"
	"embed"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/accept"
	sitepage "gitlab.com/towpath/towpath/service/page"
)

//go:embed pages
var pageFiles embed.FS

var (
	listTemplate   = sitepage.Parse(pageFiles, "pages/list.html")
	personTemplate = sitepage.Parse(pageFiles, "pages/person.html")
)

// pageRows is how many persons a page for browsers shows, unless limit says otherwise.
const pageRows = 50

// Links are what the register has for people to see.
func Links(o Options) []sitepage.Link {
	links := []sitepage.Link{{Text: "People", Href: plain.prefix}}
	if o.Docs {
		links = append(links, sitepage.Link{Text: "API", Href: docsPath})
	}
	return links
}

// explained makes what a handler refuses a page of the site, for those who see pages.
func (h *handlers) explained(next fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		err := next(c)
		if err != nil && h.pages && accept.Best(c.Get(fiber.HeaderAccept), fiber.MIMEApplicationJSON, fiber.MIMETextHTML) == fiber.MIMETextHTML {
			return h.site.Explain(c, err)
		}
		return err
	}
}

// choice is one option of the form that filters the list.
type choice struct {
	Value, Text string
	Chosen      bool
}

type listView struct {
	People                []Entry
	Sex, Survived, Class  []choice
	Filtered, Later, None bool
	First, Next           string // addresses; an empty one is not there
}

func (h *handlers) listPage(c *fiber.Ctx) error {
	// A form sends all its fields, and the ones left alone are empty.
	args := c.Context().QueryArgs()
	for _, p := range parameters {
		if found := args.PeekMulti(p.name); len(found) == 1 && len(found[0]) == 0 {
			args.Del(p.name)
		}
	}
	q, err := parseQuery(c)
	if err != nil {
		return err
	}
	if q.limit == 0 {
		q.limit = pageRows
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), queryTimeout)
	defer cancel()
	entries, next, err := page(ctx, h.store, q)
	if err != nil {
		return err
	}
	v := listView{
		People:   entries,
		Filtered: q.filter != (Filter{}),
		Later:    q.after > 0,
		None:     len(entries) == 0,
		Sex:      choices(q.params.Get("sex"), "Any", "female", "Female", "male", "Male", "other", "Other"),
		Survived: choices(q.params.Get("survived"), "Either", "true", "Survived", "false", "Died"),
		Class:    choices(q.params.Get("passengerClass"), "Any", "1", "First", "2", "Second", "3", "Third"),
	}
	q.params.Del("cursor")
	v.First = h.prefix + "?" + q.params.Encode()
	if next != "" {
		v.Next = h.prefix + "?" + q.next(next)
	}
	return h.site.Write(c, listTemplate, fiber.StatusOK, sitepage.View{Title: "People", Content: v})
}

// choices pairs values with texts, and marks the chosen one. A value that is none of them, which
// somebody has typed into the address, is added: else sending the form would lose it.
func choices(chosen, unset string, pairs ...string) []choice {
	all := []choice{{Text: unset, Chosen: chosen == ""}}
	known := chosen == ""
	for i := 0; i < len(pairs); i += 2 {
		is := pairs[i] == chosen
		known = known || is
		all = append(all, choice{pairs[i], pairs[i+1], is})
	}
	if !known {
		all = append(all, choice{chosen, chosen, true})
	}
	return all
}

type personView struct {
	Person Person
	Rows   []labelled
	List   string
}

type labelled struct{ Label, Value string }

func (h *handlers) personPage(c *fiber.Ctx, p Person) error {
	number := func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
	outcome := "Died"
	if p.Survived {
		outcome = "Survived"
	}
	v := personView{Person: p, List: plain.prefix, Rows: []labelled{
		{"Outcome", outcome},
		{"Class", strconv.Itoa(int(p.PassengerClass))},
		{"Sex", p.Sex},
		{"Age", number(p.Age)},
		{"Siblings and spouses aboard", strconv.Itoa(int(p.SiblingsOrSpousesAboard))},
		{"Parents and children aboard", strconv.Itoa(int(p.ParentsOrChildrenAboard))},
		{"Fare", number(p.Fare)},
		{"UUID", p.UUID.String()},
	}}
	return h.site.Write(c, personTemplate, fiber.StatusOK, sitepage.View{Title: p.Name, Content: v})
}
