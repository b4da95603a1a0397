package faults

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/google/uuid"
)

// mostPeople is how many people a client keeps in the register.
const mostPeople = 40

// person is what the tests need of one.
type person struct {
	UUID string
	Fare float64
}

func (p person) value() string { return strconv.FormatFloat(p.Fare, 'f', -1, 64) }

// registrar is a client of the people register. The fare is what it changes.
type registrar struct {
	client
	load  *load
	dice  *rand.Rand
	own   []string // those that may be there
	steps int
}

func newRegistrar(l *load, seed int) *registrar {
	return &registrar{client: newClient(l), load: l, dice: rand.New(rand.NewPCG(1, uint64(seed)))}
}

func (r *registrar) step() {
	r.steps++
	if len(r.own) == 0 {
		r.create()
		return
	}
	at := r.dice.IntN(len(r.own))
	switch choice := r.dice.IntN(10); {
	case r.steps%50 == 0:
		r.list()
	case len(r.own) < mostPeople/2 || choice < 3 && len(r.own) < mostPeople:
		r.create()
	case choice < 5:
		r.read(r.own[at])
	case choice < 8:
		r.change(r.own[at])
	default:
		r.remove(at)
	}
}

func (r *registrar) create() {
	id, fare := uuid.NewString(), r.dice.IntN(1000)
	a := r.send("POST", "/people", "application/json", `{"uuid":"`+id+`","passengerClass":3,"name":"Ada","sex":"female","age":26,`+
		`"siblingsOrSpousesAboard":0,"parentsOrChildrenAboard":0,"fare":`+strconv.Itoa(fare)+`}`)
	r.settle("create", a, id, strconv.Itoa(fare), 200)
	r.own = append(r.own, id)
}

func (r *registrar) change(id string) {
	fare := strconv.Itoa(r.dice.IntN(1000))
	r.settle("update", r.send("PUT", "/people/"+id, "application/json", `{"fare":`+fare+`}`), id, fare, 200)
}

func (r *registrar) remove(at int) {
	id := r.own[at]
	r.own = append(r.own[:at], r.own[at+1:]...)
	r.settle("delete", r.send("DELETE", "/api/v1/people/"+id, "", ""), id, absent, 204)
}

// settle notes what an answer to a change promises.
func (r *registrar) settle(what string, a answer, id, value string, success int) {
	switch {
	case a.status == success:
		r.load.people.change(id, value, true)
		r.load.wrote.Add(1)
	case a.failed():
		r.load.people.change(id, value, false)
	case a.status == 404 && r.load.people.may(id, absent):
	default:
		r.load.t.Errorf("%s of %s: %d %s", what, id, a.status, a.body)
	}
}

func (r *registrar) read(id string) {
	a := r.send("GET", "/people/"+id, "", "")
	var found person
	switch {
	case a.failed():
		return
	case a.status == 200 && json.Unmarshal([]byte(a.body), &found) == nil && r.load.people.may(id, found.value()):
	case a.status == 404 && r.load.people.may(id, absent):
	default:
		r.load.t.Errorf("%s, which may be %q, is said to be: %d %s", id, r.load.people.all()[id], a.status, a.body)
	}
}

// list holds the whole list against what this client knows. Nobody else changes its people.
func (r *registrar) list() {
	a := r.send("GET", "/people", "", "")
	if a.failed() {
		return
	}
	found := decodeList(r.load.t, a)
	for _, id := range r.own {
		if !r.load.people.may(id, found[id]) {
			r.load.t.Errorf("in the list %s is %q, which may be %q", id, found[id], r.load.people.all()[id])
		}
	}
}

func decodeList(t testing.TB, a answer) map[string]string {
	t.Helper()
	var list []person
	if err := json.Unmarshal([]byte(a.body), &list); err != nil || a.status != 200 {
		t.Errorf("the list is %d %.200s: %v", a.status, a.body, err)
	}
	found := make(map[string]string, len(list))
	for _, p := range list {
		found[p.UUID] = p.value()
	}
	if len(found) != len(list) {
		t.Errorf("of %d people in the list only %d differ", len(list), len(found))
	}
	return found
}

// register reads the whole register, for the end of a test.
func (l *load) register() map[string]string {
	l.t.Helper()
	return decodeList(l.t, newClient(l).send("GET", "/people", "", ""))
}
