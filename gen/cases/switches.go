package cases

import (
	"reflect"
	"slices"
	"sync"

	"cuelang.org/go/cue"
)

// Contract is the package envs/contract. It can be asked from many goroutines; CUE's
// values can't, so one waits for the other.
type Contract struct {
	mu    sync.Mutex
	value cue.Value
}

// NewContract takes a contract that nothing else uses.
func NewContract(value cue.Value) *Contract { return &Contract{value: value} }

// Charts returns the names of the charts that the contract produces, and so can tell
// what their templates have to read.
func (c *Contract) Charts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	fields, err := c.value.LookupPath(cue.ParsePath("#Charts")).Fields()
	for err == nil && fields.Next() {
		name := fields.Selector().Unquoted()
		if !c.value.LookupPath(cue.MakePath(cue.Def("Foreign"), cue.Str(name))).Exists() {
			names = append(names, name)
		}
	}
	return names
}

// Fields returns the type of a chart's values.
func (c *Contract) Fields(chart string) *Field {
	c.mu.Lock()
	defer c.mu.Unlock()
	root := &Field{}
	root.add(c.value.LookupPath(cue.ParsePath("#Charts." + chart)))
	return root
}

// Approval returns the type of the approval record.
func (c *Contract) Approval() *Field {
	c.mu.Lock()
	defer c.mu.Unlock()
	root := &Field{Name: "approval", Path: []string{"approval"}}
	root.add(c.value.LookupPath(cue.ParsePath("#Approval")))
	return root
}

// Switches are those of a chart, for who looks for one case after the other.
type Switches struct {
	contract *Contract
	maker    *maker
}

// Setting is what a switch is set to.
type Setting struct{ factor, level int }

// Switches returns the switches of a chart.
func (c *Contract) Switches(chart string) (*Switches, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, err := newMaker(c.value, chart)
	return &Switches{c, m}, err
}

// Unknown returns the fields for which nothing could be made up.
func (s *Switches) Unknown() []Unknown {
	s.contract.mu.Lock()
	defer s.contract.mu.Unlock()
	s.maker.makeAll()
	return s.maker.unknown
}

// Others returns the settings that switches at, above or below the paths do not have
// in a case; of all switches, if there are no paths. Those that turn something on
// or off come first, as they decide on more.
func (s *Switches) Others(c Case, paths [][]string) []Setting {
	s.contract.mu.Lock()
	defer s.contract.mu.Unlock()
	var turns, others []Setting
	for i, f := range s.maker.factors {
		if paths != nil && !slices.ContainsFunc(paths, func(path []string) bool { return touches(f.path, path) }) {
			continue
		}
		was := s.maker.level(c, i)
		for level, value := range s.maker.at(i) {
			switch {
			case level == was:
			case was >= 0 && isOff(value) != isOff(s.maker.at(i)[was]):
				turns = append(turns, Setting{i, level})
			default:
				others = append(others, Setting{i, level})
			}
		}
	}
	return append(turns, others...)
}

// isOff reports whether a template takes a value for false.
func isOff(value any) bool {
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Map, reflect.Slice:
		return v.Len() == 0
	case reflect.Invalid:
		return true
	}
	return v.IsZero()
}

// SameSwitch reports whether two settings are of one switch.
func (a Setting) SameSwitch(b Setting) bool { return a.factor == b.factor }

// Case returns a case with some settings changed. The contract has no say in it.
func (s *Switches) Case(base Case, settings ...Setting) Case {
	s.contract.mu.Lock()
	defer s.contract.mu.Unlock()
	return s.maker.newCase(base, s.row(settings))
}

// Mend returns the case that Case returns if the contract accepts it; or else one
// with more settings changed, but not the one to keep.
func (s *Switches) Mend(base Case, keep *Setting, settings ...Setting) (mended Case, ok bool) {
	s.contract.mu.Lock()
	defer s.contract.mu.Unlock()
	m := s.maker
	none := cell{factor: -1}
	p := pair{none, none}
	if keep != nil {
		settings = append(settings[:len(settings):len(settings)], *keep)
		p.a = cell{keep.factor, keep.level}
	}
	row := s.row(settings)
	search := search{
		factors: m.factors, levels: m.at, base: func(i int) int { return m.level(base, i) },
		refusals: func(row []int) []refusal { return m.refusals(m.newCase(base, row)) },
	}
	if search.mend(row, p) != "" {
		return Case{}, false
	}
	return m.newCase(base, row), true
}

func (s *Switches) row(settings []Setting) []int {
	row := make([]int, len(s.maker.factors))
	for i := range row {
		row[i] = asBase
	}
	for _, setting := range settings {
		row[setting.factor] = setting.level
	}
	return row
}

// Pairs makes up a case for each pair of the settings of the switches at, above or
// below the paths, on a base. The contract is asked only about those that lead
// anywhere; found hears of those that it accepts, until it returns false. Neither
// may ask the contract.
func (s *Switches) Pairs(base Case, paths [][]string, leads func(Case) bool, found func(Case) (more bool)) {
	s.contract.mu.Lock()
	defer s.contract.mu.Unlock()
	m := s.maker
	var chosen []int
	for i, f := range m.factors {
		if slices.ContainsFunc(paths, func(path []string) bool { return touches(f.path, path) }) && len(m.at(i)) > 1 {
			chosen = append(chosen, i)
		}
	}
	factors := make([]factor, len(chosen))
	for n, i := range chosen {
		factors[n] = m.factors[i]
	}
	wide := func(row []int) Case {
		all := s.row(nil)
		for n, i := range chosen {
			all[i] = row[n]
		}
		return m.newCase(base, all)
	}
	search := search{
		factors: factors, levels: func(n int) []any { return m.at(chosen[n]) }, once: true,
		refusals: func(row []int) []refusal { return m.refusals(wide(row)) },
		leads:    func(row []int) bool { return leads(wide(row)) },
		found:    func(row []int) bool { return found(wide(row)) },
	}
	search.cover()
}
