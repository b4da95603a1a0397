package people

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/problem"
)

// maxLimit is the largest page, in persons.
const maxLimit = 1000

// cursorPattern is the form of a cursor: the number of the last person seen, in hexadecimal.
// What it stands for is no business of a client's; its fixed form makes a mistyped one a 400.
const cursorPattern = `^[0-7][0-9a-f]{15}$`

func cursorAfter(seq int64) string { return fmt.Sprintf("%016x", seq) }

func parseCursor(text string) (seq int64, ok bool) {
	for _, r := range text {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return 0, false
		}
	}
	seq, err := strconv.ParseInt(text, 16, 64)
	return seq, len(text) == 16 && err == nil
}

// query is what a list is asked for.
type query struct {
	filter Filter
	after  int64 // begin after this entry; 0 is the beginning
	limit  int   // 0 is all
	params url.Values
}

// parameter is one parameter of a list. Its schema is that of the document.
type parameter struct {
	name, about string
	schema      map[string]any
	read        func(q *query, text string) (reason string)
}

var parameters = []parameter{
	{name: "limit", about: "Gives a page of so many persons at most. Without it all come, in one stream.",
		schema: map[string]any{"type": "integer", "minimum": 1, "maximum": maxLimit},
		read: func(q *query, text string) string {
			n, ok := parseDigits(text, maxLimit)
			if !ok || n < 1 {
				return fmt.Sprintf("must be an integer from 1 to %d", maxLimit)
			}
			q.limit = n
			return ""
		}},
	{name: "cursor", about: "Begins where the page before ended. It is part of the address in that page's Link header.",
		schema: map[string]any{"type": "string", "pattern": cursorPattern},
		read: func(q *query, text string) string {
			seq, ok := parseCursor(text)
			if !ok {
				return "must be taken from a Link header"
			}
			q.after = seq
			return ""
		}},
	{name: "sex", about: "Only persons of this sex.", schema: fieldNamed("sex").schema(),
		read: func(q *query, text string) string {
			var p Person
			if reason := fieldNamed("sex").setString(&p, text); reason != "" {
				return reason
			}
			q.filter.Sex = p.Sex
			return ""
		}},
	{name: "survived", about: "Only those who survived, or only those who did not.", schema: fieldNamed("survived").schema(),
		read: func(q *query, text string) string {
			if text != "true" && text != "false" {
				return "must be true or false"
			}
			survived := text == "true"
			q.filter.Survived = &survived
			return ""
		}},
	{name: "passengerClass", about: "Only passengers of this class.", schema: fieldNamed("passengerClass").schema(),
		read: func(q *query, text string) string {
			var p Person
			if !isNumber(text) {
				return "must be an integer"
			}
			if reason := fieldNamed("passengerClass").setNumber(&p, text); reason != "" {
				return reason
			}
			q.filter.PassengerClass = &p.PassengerClass
			return ""
		}},
}

func parseDigits(text string, most int) (n int, ok bool) {
	for _, r := range text {
		if r < '0' || r > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n <= most
}

// parseQuery reads the parameters of a list. Unknown ones are ignored, so that a link with
// something added to it still works.
func parseQuery(c *fiber.Ctx) (query, error) {
	q := query{params: url.Values{}}
	var wrong []problem.Field
	args := c.Context().QueryArgs()
	for _, p := range parameters {
		found := args.PeekMulti(p.name)
		if len(found) == 0 {
			continue
		}
		reason := "is given twice"
		if len(found) == 1 {
			text := string(found[0])
			q.params.Set(p.name, text)
			reason = p.read(&q, text)
		}
		if reason != "" {
			wrong = append(wrong, problem.Field{Field: p.name, Detail: reason})
		}
	}
	if wrong != nil {
		return query{}, invalid(wrong)
	}
	return q, nil
}

// next is the query string of the page that begins at a cursor.
func (q query) next(cursor string) string {
	q.params.Set("cursor", cursor)
	return q.params.Encode()
}

// page reads one page, and the cursor of the one after it, empty at the end.
func page(ctx context.Context, store Store, q query) (entries []Entry, next string, err error) {
	// One more than asked for tells whether there is a next page.
	entries, err = store.Page(ctx, q.filter, q.after, q.limit+1, make([]Entry, 0, q.limit+1))
	if err != nil {
		return nil, "", err
	}
	if len(entries) > q.limit {
		entries = entries[:q.limit]
		next = cursorAfter(entries[q.limit-1].Seq)
	}
	return entries, next, nil
}
