package cases

import (
	"regexp/syntax"
	"slices"
	"strings"

	"cuelang.org/go/cue"
)

// field is one that a struct names.
type field struct {
	name     string
	value    cue.Value
	optional bool
}

// fieldsOf returns the fields that a struct names.
func fieldsOf(v cue.Value) []field {
	var all []field
	fields, err := v.Fields(cue.Optional(true))
	for err == nil && fields.Next() {
		all = append(all, field{fields.Selector().Unquoted(), fields.Value(), fields.IsOptional()})
	}
	return all
}

// exampleKey returns a key that a struct allows besides those that it names.
func exampleKey(v cue.Value) string {
	for _, key := range texts {
		if v.Allows(cue.Str(key)) {
			return key
		}
	}
	return ""
}

// anyField returns the type of the fields that a struct allows besides those it
// names, if it does.
func anyField(v cue.Value) (cue.Value, bool) {
	fields, err := v.Fields(cue.Patterns(true))
	if err != nil {
		return cue.Value{}, false
	}
	for fields.Next() {
		if fields.Selector().ConstraintType() == cue.PatternConstraint {
			return fields.Value(), true
		}
	}
	return cue.Value{}, false
}

// arms returns the alternatives of a disjunction, or v itself.
func arms(v cue.Value) []cue.Value {
	op, args := v.Expr()
	switch op {
	case cue.OrOp:
		var all []cue.Value
		for _, arg := range args {
			all = append(all, arms(arg)...)
		}
		return all
	case cue.SelectorOp, cue.NoOp:
		if len(args) == 1 {
			if inner, _ := args[0].Expr(); inner == cue.OrOp {
				return arms(args[0])
			}
		}
	}
	return []cue.Value{v}
}

// texts are tried where a type wants text, before its pattern is asked: a person
// reads them more easily.
var texts = []string{
	"example", "example.org", "https://example.org", "10.0.0.0/8", "4", "4Gi", "250m", "1m", "/example",
	"Example", "EXAMPLE", "0 3 * * *", "1h", "example/v1", "10.0.0.1", "2030-01-01", "someone@example.org",
	strings.Repeat("0", 40), "sha256:" + strings.Repeat("0", 64),
}

// exampleText returns a text of the type that is not empty.
func exampleText(v, arm cue.Value) (string, bool) {
	if given := v.Attribute("example"); given.Err() == nil {
		text, err := given.String(0)
		return text, err == nil && accepts(v, text)
	}
	d, _ := v.Default()
	was, _ := d.String()
	for _, text := range slices.Concat(texts, generated(arm)) {
		if text != "" && text != was && accepts(v, text) {
			return text, true
		}
	}
	return "", false
}

// generated returns the shortest text of each pattern that the type has.
func generated(v cue.Value) []string {
	op, args := v.Expr()
	if op == cue.RegexMatchOp && len(args) > 0 {
		pattern, err := args[len(args)-1].String()
		if err != nil {
			return nil
		}
		parsed, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			return nil
		}
		return []string{shortest(parsed)}
	}
	var all []string
	if op == cue.AndOp || op == cue.OrOp {
		for _, arg := range args {
			all = append(all, generated(arg)...)
		}
	}
	return all
}

// shortest returns a short text that a regular expression matches.
func shortest(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		for _, wanted := range "a0A" {
			for i := 0; i+1 < len(re.Rune); i += 2 {
				if re.Rune[i] <= wanted && wanted <= re.Rune[i+1] {
					return string(wanted)
				}
			}
		}
		if len(re.Rune) > 0 {
			return string(re.Rune[0])
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "a"
	case syntax.OpConcat:
		var text strings.Builder
		for _, sub := range re.Sub {
			text.WriteString(shortest(sub))
		}
		return text.String()
	case syntax.OpCapture, syntax.OpPlus, syntax.OpAlternate:
		return shortest(re.Sub[0])
	case syntax.OpRepeat:
		return strings.Repeat(shortest(re.Sub[0]), re.Min)
	}
	return ""
}

// numbers returns numbers that may be of the type, the bounds it states among
// them.
func numbers(v cue.Value) []int64 {
	var all []int64
	op, args := v.Expr()
	switch op {
	case cue.AndOp, cue.OrOp:
		for _, arg := range args {
			all = append(all, numbers(arg)...)
		}
		return append(all, 2, 1)
	case cue.GreaterThanEqualOp, cue.GreaterThanOp:
		if n, err := args[0].Int64(); err == nil {
			return []int64{n + 1, n}
		}
	}
	return append(all, 2, 1)
}
