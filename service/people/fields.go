package people

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Person is one entry of the register.
type Person struct {
	UUID                    uuid.UUID `json:"uuid"`
	Survived                bool      `json:"survived"`
	PassengerClass          int32     `json:"passengerClass"`
	Name                    string    `json:"name"`
	Sex                     string    `json:"sex"`
	Age                     float64   `json:"age"` // years
	SiblingsOrSpousesAboard int32     `json:"siblingsOrSpousesAboard"`
	ParentsOrChildrenAboard int32     `json:"parentsOrChildrenAboard"`
	Fare                    float64   `json:"fare"` // pounds
}

// field describes one field of a person to all who deal with persons. Its type is that of what
// at points to.
type field struct {
	name     string // in JSON
	column   string // in the store
	csv      string // heading in a CSV file; empty if it is not there
	optional bool   // on create; then the server has a value for it
	fixed    bool   // cannot be changed

	most int      // length of a string in characters; 0 is any
	enum []string // values of a string; nil is any

	about, example string // of the document; the example is JSON
	at             func(*Person) any
}

// Bounds of numbers. Within wholeBound an integer fits the column in every database; within
// numberBound a number keeps 15 digits, and there is neither infinity nor overflow.
const (
	wholeBound  = 1<<31 - 1
	numberBound = 1e15
)

const nameLength = 100

// uuidPattern is the form of a uuid, in a syntax that Go and JavaScript share.
const uuidPattern = `^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`

// textPattern keeps out the one character that PostgreSQL cannot store.
const textPattern = `^[^\x00]*$`

var fields = []field{
	{name: "uuid", column: "uuid", optional: true, fixed: true,
		at:    func(p *Person) any { return &p.UUID },
		about: "Names the person. Without one the server makes it.", example: `"5f3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e77"`},
	{name: "survived", column: "survived", csv: "Survived", optional: true,
		at:    func(p *Person) any { return &p.Survived },
		about: "Whether the person survived.", example: "true"},
	{name: "passengerClass", column: "passenger_class", csv: "Pclass",
		at:    func(p *Person) any { return &p.PassengerClass },
		about: "Class of the ticket.", example: "3"},
	{name: "name", column: "name", csv: "Name", most: nameLength,
		at:    func(p *Person) any { return &p.Name },
		about: "Full name.", example: `"Miss. Ada Ashdown"`},
	{name: "sex", column: "sex", csv: "Sex", enum: []string{"male", "female", "other"},
		at:    func(p *Person) any { return &p.Sex },
		about: "Sex.", example: `"female"`},
	{name: "age", column: "age", csv: "Age",
		at:    func(p *Person) any { return &p.Age },
		about: "Age in years; infants have fractions.", example: "0.42"},
	{name: "siblingsOrSpousesAboard", column: "siblings_or_spouses_aboard", csv: "Siblings/Spouses Aboard",
		at:    func(p *Person) any { return &p.SiblingsOrSpousesAboard },
		about: "How many siblings and spouses were aboard.", example: "1"},
	{name: "parentsOrChildrenAboard", column: "parents_or_children_aboard", csv: "Parents/Children Aboard",
		at:    func(p *Person) any { return &p.ParentsOrChildrenAboard },
		about: "How many parents and children were aboard.", example: "0"},
	{name: "fare", column: "fare", csv: "Fare",
		at:    func(p *Person) any { return &p.Fare },
		about: "Price of the ticket in pounds.", example: "7.25"},
}

func fieldNamed(name string) field {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	return fields[i]
}

// columns are those of all fields, in order.
func columns() []string {
	var all []string
	for _, f := range fields {
		all = append(all, f.column)
	}
	return all
}

// setString stores a string in the field, which is one for strings. The reason says why not.
func (f field) setString(p *Person, s string) (reason string) {
	if !utf8.ValidString(s) {
		return "must be UTF-8"
	}
	if strings.ContainsRune(s, 0) {
		return "must not contain the character U+0000"
	}
	if n := utf8.RuneCountInString(s); f.most > 0 && n > f.most {
		return fmt.Sprintf("must be at most %d characters long, not %d", f.most, n)
	}
	if f.enum != nil && !slices.Contains(f.enum, s) {
		return "must be one of " + strings.Join(f.enum, ", ")
	}
	*f.at(p).(*string) = s
	return ""
}

// setNumber stores a number, given as it is written in JSON, in the field, which is one for
// numbers.
func (f field) setNumber(p *Person, literal string) (reason string) {
	switch to := f.at(p).(type) {
	case *int32:
		n, reason := parseWhole(literal)
		if reason != "" {
			return reason
		}
		*to = n
	case *float64:
		n, reason := parseNumber(literal)
		if reason != "" {
			return reason
		}
		*to = n
	}
	return ""
}
