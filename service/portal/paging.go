package portal

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/service/problem"
)

// perPage is how many notes, and how many images, a page shows.
const perPage = 50

// Cursor is a place in a list that begins with the newest: right beside an item, which may be
// gone by now. The zero Cursor is the beginning.
type Cursor struct {
	Created time.Time
	ID      string // two items may be of the same microsecond
	Newer   bool   // the items before the place, rather than those after it
}

// Page is a part of a list, newest first.
type Page[T any] struct {
	Items        []T
	Newer, Older bool // whether there is more on either side
}

// items reads at most limit items beside a place, the nearest first.
type items[T any] func(ctx context.Context, at Cursor, limit int) ([]T, error)

// paged reads the page of at most size items at a place. Where nothing is left it is the first
// page: its items were deleted, or the newest are fewer than a page.
func paged[T any](ctx context.Context, read items[T], at Cursor, size int) (Page[T], error) {
	list, err := read(ctx, at, size+1)
	if err != nil {
		return Page[T]{}, err
	}
	more := len(list) > size
	list = list[:min(len(list), size)]
	switch {
	case at.Newer && !more, at.ID != "" && len(list) == 0:
		// Newer items on their own could be one or two; with what follows them they fill a page.
		return paged(ctx, read, Cursor{}, size)
	case at.Newer:
		slices.Reverse(list)
		return Page[T]{list, true, true}, nil
	}
	return Page[T]{list, at.ID != "", more}, nil
}

// beside is the part of a statement that reads items beside a place, after a WHERE condition.
func (at Cursor) beside(limit int) (sql string, args []any) {
	const order = " ORDER BY created %[1]s, id %[1]s LIMIT ?"
	switch {
	case at.ID == "":
		return fmt.Sprintf(order, "DESC"), []any{limit}
	case at.Newer:
		return " AND (created, id) > (?, ?)" + fmt.Sprintf(order, "ASC"), []any{micros(at.Created), at.ID, limit}
	}
	return " AND (created, id) < (?, ?)" + fmt.Sprintf(order, "DESC"), []any{micros(at.Created), at.ID, limit}
}

// String is the cursor as it stands in an address.
func (at Cursor) String() string {
	if at.ID == "" {
		return ""
	}
	side := "older"
	if at.Newer {
		side = "newer"
	}
	return side + "." + strconv.FormatInt(micros(at.Created), 10) + "." + at.ID
}

// parseCursor reads what String has written.
func parseCursor(text string) (at Cursor, ok bool) {
	if text == "" {
		return Cursor{}, true
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[0] != "older" && parts[0] != "newer" {
		return Cursor{}, false
	}
	created, err := strconv.ParseInt(parts[1], 10, 64)
	at = Cursor{Created: fromMicros(created), ID: parts[2], Newer: parts[0] == "newer"}
	return at, err == nil && isID(at.ID)
}

// isID tells whether a text could be from newID; a database must not even see another.
func isID(text string) bool {
	return text != "" && len(text) <= 64 && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}

// The parameters of the private page, which has two lists.
const (
	notesParam  = "notes"
	imagesParam = "images"
)

// cursors reads where in its lists a request for the private page is.
func (v *visit) cursors() (notes, images Cursor, err error) {
	read := func(name string) (at Cursor) {
		at, ok := parseCursor(v.Query(name))
		if !ok {
			err = problem.New(400, "This address is not one of the pages.", problem.Field{Field: name, Detail: "is not a place in the list"})
		}
		return at
	}
	return read(notesParam), read(imagesParam), err
}

// pager is what is below a list; an empty address is a link that is not there.
type pager struct{ Name, Newer, Older string }

// pagerOf makes the links of one list, from the places of its first and last item. The other
// list stays where it is.
func pagerOf[T any](list Page[T], place func(T) Cursor, name, other string, otherAt Cursor) pager {
	p := pager{Name: name}
	address := func(item T, newer bool) string {
		at := place(item)
		at.Newer = newer
		query := url.Values{name: {at.String()}}
		if otherAt.ID != "" {
			query.Set(other, otherAt.String())
		}
		return "/private/?" + query.Encode() + "#" + name
	}
	if list.Newer {
		p.Newer = address(list.Items[0], true)
	}
	if list.Older {
		p.Older = address(list.Items[len(list.Items)-1], false)
	}
	return p
}
