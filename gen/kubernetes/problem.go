package kubernetes

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong with an object.
type Problem struct {
	// Path leads to the value from the object's root; elements of a list are numbers from 0. The last
	// element of an UnknownField is the field's name, that of a MissingField the name that is missing.
	Path []string
	Kind ProblemKind
	// Found is the unknown field or kind, the JSON type of a value of the wrong type, or the offending value
	// itself. It is empty for base64, which is how Secrets hold their data.
	Found string
	// Allowed are the field names, enum values, JSON types, kinds, apiVersions or bounds that would have been fine.
	Allowed []string
	// Message says it in one sentence without a path, for callers that do not compose their own.
	Message string
}

// String is the path and the message.
func (p Problem) String() string { return strings.Join(p.Path, ".") + ": " + p.Message }

// ProblemKind says what sort of thing is wrong.
type ProblemKind int

// The kinds of problems.
const (
	UnknownField   ProblemKind = iota + 1 // the schema has no such field
	WrongType                             // another JSON type than the schema's
	MissingField                          // a required field is not there
	BadEnum                               // not one of the values that are listed
	BadFormat                             // does not read as a quantity, time, address, base64, or does not match a pattern
	OutOfBounds                           // too small, too large, too short, too long
	BadCombination                        // each field is fine, together they are none of the forms that are permitted
	UnknownKind                           // this Kubernetes version does not serve the kind
	Null                                  // null, which is never emitted
)

var problemKinds = [...]string{
	UnknownField: "unknown field", WrongType: "wrong type", MissingField: "missing field", BadEnum: "bad enum",
	BadFormat: "bad format", OutOfBounds: "out of bounds", BadCombination: "bad combination",
	UnknownKind: "unknown kind", Null: "null",
}

func (k ProblemKind) String() string {
	if k < UnknownField || k > Null {
		return "ProblemKind(" + strconv.Itoa(int(k)) + ")"
	}
	return problemKinds[k]
}

// sortByPath puts item 2 before item 10.
func sortByPath(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return slices.CompareFunc(a.Path, b.Path, func(x, y string) int {
			i, errX := strconv.Atoi(x)
			j, errY := strconv.Atoi(y)
			if errX == nil && errY == nil {
				return cmp.Compare(i, j)
			}
			return cmp.Compare(x, y)
		})
	})
}
