package cases_test

import (
	"os"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"

	"gitlab.com/towpath/towpath/gen/cases"
	"gitlab.com/towpath/towpath/gen/environment"
)

func contract(t *testing.T) cue.Value {
	t.Helper()
	inst, err := environment.LoadContract(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	v := cuecontext.New().BuildInstance(inst)
	if v.Err() != nil {
		t.Fatal(v.Err())
	}
	return v
}

func build(t *testing.T, values string) cue.Value {
	t.Helper()
	v := cuecontext.New().CompileString(`
#Charts: c: ` + values + `
#Release: {
	chart:  string
	name:   string
	values: #Charts[chart]
}
#Approval: number!: int & >=1
`)
	if v.Err() != nil {
		t.Fatal(v.Err())
	}
	return v
}

// TestPairwise makes sure that every pair of settings is in a case, or refused.
func TestPairwise(t *testing.T) {
	m, err := cases.Pairwise(build(t, `{
	a: bool | *false
	b: *"x" | "y" | "z"
	c: string | *""
	n: int & >=0 & <=9 | *3
	t: [string]: {on: bool | *false}
	_rules: [string]: true
	_rules: {
		if a if c == "" {
			"c": error("a needs c")
		}
	}
}`), "c")
	if err != nil {
		t.Fatal(err)
	}
	pairs := map[[2]string]bool{}
	for _, c := range m.Cases {
		b, _ := c.Values["b"].(string)
		text, _ := c.Values["c"].(string)
		if c.Values["a"] == true && text == "" {
			t.Errorf("the contract refuses %s", c.Name)
		}
		pairs[[2]string{b, text}] = true
	}
	if len(pairs) != 6 {
		t.Errorf("pairs of b and c: %v", pairs)
	}
	if len(m.Refused) != 1 || m.Refused[0] != `a=true with c="": a needs c` {
		t.Errorf("refused: %q", m.Refused)
	}
	if len(m.Cases) > 14 {
		t.Errorf("%d cases for five switches", len(m.Cases))
	}
}

// TestExamples makes sure that what can't be made up is named, and that an example
// beside the field is heeded.
func TestExamples(t *testing.T) {
	for _, test := range []struct {
		field, made string
	}{
		{`=~"^[0-9]{2}:[0-9]{2}$" | *""`, "00:00"},
		{`=~"^[0-9]{2}:[0-9]{2}$" & !~"^0" | *""`, ""},
		{`=~"^[0-9]{2}:[0-9]{2}$" & !~"^0" | *"" @example("10:30")`, "10:30"},
		{`=~"^(blue|green)-[a-z]+$" | *""`, "blue-a"},
	} {
		m, err := cases.Pairwise(build(t, "{x: "+test.field+"}"), "c")
		if err != nil {
			t.Fatal(err)
		}
		made := ""
		for _, c := range m.Cases {
			if text, ok := c.Values["x"].(string); ok {
				made = text
			}
		}
		if made != test.made {
			t.Errorf("%s: made up %q, want %q", test.field, made, test.made)
		}
		if unknown := len(m.Unknown) > 0; unknown != (test.made == "") {
			t.Errorf("%s: unknown %v", test.field, m.Unknown)
		}
	}
}

// TestExamplesOfContract demands that for every field of the contract something
// can be made up.
func TestExamplesOfContract(t *testing.T) {
	c := cases.NewContract(contract(t))
	for _, name := range c.Charts() {
		switches, err := c.Switches(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range switches.Unknown() {
			t.Errorf("%s: nothing can be made up; add @example(...)", u)
		}
	}
}
