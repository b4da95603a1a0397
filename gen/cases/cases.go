// Package cases makes up values of a chart from the contract: for every two of
// its switches, each pair of their settings in at least one case, or else word
// from the contract that it refuses the pair.
//
// A switch is whatever a template may ask about: a boolean, one of several words,
// a text that may be empty, a number that may be zero, a list or table that may
// have no elements. What a switch is set to is made up from the contract's
// bounds; where those say too little, the contract gives an example beside the
// field: secretName: #DNSName | *"" @example(tls).
package cases

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	cueerrors "cuelang.org/go/cue/errors"

	"gitlab.com/towpath/towpath/gen/finding"
)

// Case is one set of values of a chart that the contract accepts.
type Case struct {
	// Name says which switches are not at their defaults.
	Name string
	// Values are those that differ from the contract's defaults.
	Values map[string]any
	// Approval is the approval record, nil if there is none.
	Approval map[string]any
}

// Files returns the case as value files, in JSON, which is YAML and quicker to write.
func (c Case) Files() [][]byte {
	var files [][]byte
	trees := []map[string]any{c.Values}
	if c.Approval != nil {
		trees = append(trees, map[string]any{"approval": c.Approval})
	}
	for _, tree := range trees {
		text, err := json.Marshal(tree)
		if err != nil {
			panic(fmt.Sprintf("made up what is no JSON: %v", err))
		}
		files = append(files, text)
	}
	return files
}

// Matrix is what can be made up for a chart.
type Matrix struct {
	Cases []Case
	// Refused are the pairs of settings that the contract was never found to
	// accept, each with what it said.
	Refused []string
	// Unknown are the fields for which nothing could be made up.
	Unknown []Unknown
}

// Unknown is a field for which nothing could be made up.
type Unknown struct {
	Path     string
	Position finding.Position
}

// Pairwise returns a case for every pair of settings of a chart's switches. The
// contract is the package envs/contract.
func Pairwise(contract cue.Value, chart string) (*Matrix, error) {
	m, err := newMaker(contract, chart)
	if err != nil {
		return nil, err
	}
	m.makeAll()
	matrix := &Matrix{Unknown: m.unknown}
	s := search{
		factors: m.factors, levels: m.at,
		refusals: func(row []int) []refusal { return m.refusals(m.newCase(Case{}, row)) },
		leads:    func([]int) bool { return true },
		found: func(row []int) bool {
			matrix.Cases = append(matrix.Cases, m.newCase(Case{}, row))
			return true
		},
	}
	matrix.Refused = s.cover()
	return matrix, nil
}

func newMaker(contract cue.Value, chart string) (*maker, error) {
	values := contract.LookupPath(cue.ParsePath("#Charts." + chart))
	if values.IncompleteKind() != cue.StructKind {
		return nil, fmt.Errorf("the contract has no struct #Charts.%s", chart)
	}
	m := &maker{chart: chart, release: contract.LookupPath(cue.ParsePath("#Release"))}
	m.table(values, nil)
	if v := contract.LookupPath(cue.ParsePath("#Approval")); v.Exists() {
		record, ok := m.make(v, []string{"approval"}, 0)
		if !ok {
			return nil, errors.New("no approval record can be made up from #Approval")
		}
		levels := []any{nil, record}
		// With everything that a record may say, and with what it must.
		if full, ok := m.make(v, []string{"approval"}, 1); ok && !same(full, record) {
			levels = append(levels, full)
		}
		m.factors = append(m.factors, factor{path: []string{"approval"}, levels: levels, approval: true})
	}
	return m, nil
}

// asBase is the level of a switch that is left as the base of a case has it.
const asBase = -1

// newCase returns the base with its switches at the levels of a row.
func (m *maker) newCase(base Case, row []int) Case {
	c := Case{Values: copyTree(base.Values), Approval: base.Approval}
	var names []string
	if base.Name != "" {
		names = append(names, base.Name)
	}
	for i, level := range row {
		f := m.factors[i]
		if level == asBase || level == m.level(base, i) {
			continue
		}
		value := m.at(i)[level]
		switch {
		case f.approval:
			c.Approval, _ = value.(map[string]any)
		case value == nil:
			remove(c.Values, f.path)
		default:
			put(c.Values, f.path, value)
		}
		names = append(names, f.String(value))
	}
	c.Name = strings.Join(names, " ")
	if c.Name == "" {
		c.Name = "defaults"
	}
	return c
}

// level returns the level that a switch has in a case, or asBase if it is none of
// those that were made up.
func (m *maker) level(c Case, i int) int {
	f := m.factors[i]
	if f.approval {
		return slices.IndexFunc(m.at(i), func(level any) bool { return (level == nil) == (c.Approval == nil) })
	}
	var value any = c.Values
	for _, key := range f.path {
		table, _ := value.(map[string]any)
		next, ok := table[key]
		if !ok {
			return 0
		}
		value = next
	}
	return slices.IndexFunc(m.at(i), func(level any) bool { return same(level, value) })
}

func copyTree(tree map[string]any) map[string]any {
	clone := make(map[string]any, len(tree))
	for key, value := range tree {
		if sub, ok := value.(map[string]any); ok {
			value = copyTree(sub)
		}
		clone[key] = value
	}
	return clone
}

func put(tree map[string]any, path []string, v any) {
	for _, key := range path[:len(path)-1] {
		sub, ok := tree[key].(map[string]any)
		if !ok {
			sub = map[string]any{}
			tree[key] = sub
		}
		tree = sub
	}
	tree[path[len(path)-1]] = v
}

func remove(tree map[string]any, path []string) {
	for _, key := range path[:len(path)-1] {
		sub, ok := tree[key].(map[string]any)
		if !ok {
			return
		}
		tree = sub
	}
	delete(tree, path[len(path)-1])
}

// refusal is a field that the contract blames, and what it says.
type refusal struct {
	path    []string
	message string
}

// refusals returns what the contract has against a case. A rule over several
// fields blames the one that stands behind _rules.
func (m *maker) refusals(c Case) []refusal {
	v := m.release.FillPath(cue.Path{}, map[string]any{"name": m.chart, "chart": m.chart, "values": c.Values})
	err := v.LookupPath(cue.ParsePath("values")).Validate(cue.Concrete(true))
	if err == nil {
		// The rules on the release itself may ask what no single release knows,
		// such as its environment's tier; what they can't answer is no refusal.
		err = v.Validate()
	}
	var refused []refusal
	for _, e := range cueerrors.Errors(err) {
		format, args := e.Msg()
		r := refusal{blamed(e.Path()), fmt.Sprintf(format, args...)}
		// CUE repeats itself where a rule stands in a disjunction.
		if !slices.ContainsFunc(refused, func(old refusal) bool { return slices.Equal(old.path, r.path) }) {
			refused = append(refused, r)
		}
	}
	return refused
}

// blamed returns the path below values of the field that an error blames.
func blamed(labels []string) []string {
	var path []string
	for i := 0; i < len(labels); i++ {
		label := strings.Trim(labels[i], `"`)
		if label == "_rules" && i+1 < len(labels) {
			i++
			path = append(path, strings.Split(strings.Trim(labels[i], `"`), ".")...)
			continue
		}
		path = append(path, label)
	}
	if i := slices.Index(path, "values"); i >= 0 {
		path = path[i+1:]
	}
	return path
}
