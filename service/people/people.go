// Package people is the workload that keeps a register of people: who was aboard, and who
// survived.
//
// What a person consists of is said once, in the table of fields.go. Validation of requests,
// the columns of the store, the reading of CSV files and the OpenAPI document all go by that
// table, so none of them can tell a different story.
//
// The register answers at two paths. /people behaves as existing clients know it, and shows
// pages to browsers; /api/v1/people is the same resource with the statuses of today.
package people

import (
	"context"
	"errors"
	"log/slog"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"gitlab.com/towpath/towpath/service/accept"
	sitepage "gitlab.com/towpath/towpath/service/page"
	"gitlab.com/towpath/towpath/service/problem"
	"gitlab.com/towpath/towpath/service/workload"
)

// queryTimeout bounds one statement. It is far above what any of ours takes; it frees a request
// from a database that has stopped answering.
const queryTimeout = 10 * time.Second

// Options of the workload.
type Options struct {
	Docs bool // serve /openapi.json and /docs
	// StallTimeout is how long a client may take to read a part of a streamed list, about 200 KB.
	// The server's own limit is on the whole answer, and a list may be of any length; 0 leaves it
	// at that.
	StallTimeout time.Duration
	Site         *sitepage.Site // what the pages are part of; nil is a page alone
	Log          *slog.Logger   // nil is silent
}

// path is one of the two places of the register, with what differs between them.
type path struct {
	prefix  string
	pages   bool // for browsers
	created int
	deleted int
}

var (
	plain = path{prefix: "/people", pages: true, created: fiber.StatusOK, deleted: fiber.StatusOK}
	v1    = path{prefix: "/api/v1/people", created: fiber.StatusCreated, deleted: fiber.StatusNoContent}
)

type handlers struct {
	path
	store Store
	stall time.Duration
	site  *sitepage.Site
	log   *slog.Logger
}

// New makes the workload.
func New(store Store, o Options) workload.Workload {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	w := workload.Workload{Name: "people"}
	for _, p := range []path{plain, v1} {
		h := &handlers{path: p, store: store, stall: o.StallTimeout, site: o.Site, log: o.Log}
		one := p.prefix + "/:uuid"
		w.Routes = append(w.Routes,
			workload.Route{Method: fiber.MethodGet, Path: p.prefix, Handler: h.explained(h.list)},
			workload.Route{Method: fiber.MethodPost, Path: p.prefix, Handler: h.create},
			workload.Route{Method: fiber.MethodGet, Path: one, Handler: h.explained(h.get)},
			workload.Route{Method: fiber.MethodPut, Path: one, Handler: h.update},
			workload.Route{Method: fiber.MethodDelete, Path: one, Handler: h.delete},
		)
	}
	if o.Docs {
		w.Routes = append(w.Routes, docs(o.Site)...)
	}
	return w
}

// wantsPage tells whether the answer should be a page.
func (h *handlers) wantsPage(c *fiber.Ctx) bool {
	return h.pages && accept.Negotiate(c, fiber.MIMEApplicationJSON, fiber.MIMETextHTML) == fiber.MIMETextHTML
}

func (h *handlers) list(c *fiber.Ctx) error {
	if h.wantsPage(c) {
		return h.listPage(c)
	}
	q, err := parseQuery(c)
	if err != nil {
		return err
	}
	if q.limit == 0 {
		return h.stream(c, q)
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), queryTimeout)
	defer cancel()
	entries, next, err := page(ctx, h.store, q)
	if err != nil {
		return err
	}
	if next != "" {
		c.Set(fiber.HeaderLink, "<"+h.prefix+"?"+q.next(next)+`>; rel="next"`)
	}
	return sendPeople(c, entries)
}

func (h *handlers) create(c *fiber.Ctx) error {
	body, err := jsonBody(c)
	if err != nil {
		return err
	}
	person, err := decodePerson(body)
	if err != nil {
		return err
	}
	if person.UUID == uuid.Nil && !body.has("uuid") {
		person.UUID = uuid.New()
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), queryTimeout)
	defer cancel()
	err = h.store.Add(ctx, person)
	if errors.Is(err, ErrTaken) {
		return problem.New(fiber.StatusConflict, "uuid is taken by another person.",
			problem.Field{Field: "uuid", Detail: "is taken by another person"})
	}
	if err != nil {
		return err
	}
	if h.created == fiber.StatusCreated {
		c.Location(h.prefix + "/" + person.UUID.String())
	}
	return sendPerson(c, h.created, &person)
}

func (h *handlers) get(c *fiber.Ctx) error {
	asPage := h.wantsPage(c)
	id, err := pathUUID(c.Params("uuid"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), queryTimeout)
	defer cancel()
	person, err := h.store.Get(ctx, id)
	if err != nil {
		return known(err)
	}
	if asPage {
		return h.personPage(c, person)
	}
	return sendPerson(c, fiber.StatusOK, &person)
}

func (h *handlers) update(c *fiber.Ctx) error {
	id, err := pathUUID(c.Params("uuid"))
	if err != nil {
		return err
	}
	body, err := jsonBody(c)
	if err != nil {
		return err
	}
	changes, err := decodeChanges(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), queryTimeout)
	defer cancel()
	person, err := h.store.Update(ctx, id, changes)
	if err != nil {
		return known(err)
	}
	return sendPerson(c, fiber.StatusOK, &person)
}

func (h *handlers) delete(c *fiber.Ctx) error {
	id, err := pathUUID(c.Params("uuid"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), queryTimeout)
	defer cancel()
	if err := h.store.Delete(ctx, id); err != nil {
		return known(err)
	}
	if h.deleted == fiber.StatusNoContent {
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.JSON(struct{}{})
}

// known turns ErrUnknown into what the client should see.
func known(err error) error {
	if errors.Is(err, ErrUnknown) {
		return problem.New(fiber.StatusNotFound, "There is no person with this uuid.")
	}
	return err
}

// pathUUID reads the uuid of a path. What is no uuid names nobody: 404, as for one that is
// nobody's.
func pathUUID(param string) (uuid.UUID, error) {
	text, err := url.PathUnescape(param)
	if err == nil {
		if id, ok := parseUUID(text); ok {
			return id, nil
		}
	}
	return uuid.Nil, problem.New(fiber.StatusNotFound, "There is no person with this uuid.")
}

// parseUUID takes the usual form of 36 characters only; the library knows three more.
func parseUUID(text string) (uuid.UUID, bool) {
	if len(text) != 36 {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(text)
	return id, err == nil
}

func jsonBody(c *fiber.Ctx) (object, error) {
	mediaType, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || mediaType != fiber.MIMEApplicationJSON {
		return object{}, problem.New(fiber.StatusUnsupportedMediaType, "Content-Type must be application/json.",
			problem.Field{Field: "Content-Type", Detail: "must be application/json"})
	}
	return decodeObject(c.Body())
}

// invalid is the answer to a request whose parts are at fault.
func invalid(fields []problem.Field) error {
	const most = 3 // in the sentence; the list has them all
	var b strings.Builder
	for i, f := range fields {
		if i == most {
			b.WriteString("; and " + strconv.Itoa(len(fields)-most) + " more")
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Field + " " + f.Detail)
	}
	return problem.New(fiber.StatusBadRequest, b.String()+".", fields...)
}
