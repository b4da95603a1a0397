package blame

import (
	"slices"
	"strings"
	"text/template/parse"
)

// value is what an expression of a template stands for, as far as it can be told
// without running the template.
type value struct {
	// root tells that it is what the template was called with, which holds
	// .Values.
	root bool
	// keys, if not nil, is the path below .Values that it is.
	keys []string
	// fields are those of a dict.
	fields map[string]value
	// reads are the paths below .Values that it depends on.
	reads [][]string
}

func ofKeys(keys []string) value {
	v := value{keys: keys}
	if v.keys == nil {
		v.keys = []string{} // All values together.
	}
	if len(keys) > 0 {
		v.reads = [][]string{keys}
	}
	return v
}

// field returns a field of v.
func (v value) field(names []string, prefix []string) value {
	switch {
	case len(names) == 0:
		return v
	case v.root && names[0] == "Values":
		return ofKeys(slices.Concat(prefix, names[1:]))
	case v.root:
		return value{} // .Release, .Chart and the like are no values.
	case v.fields != nil:
		return v.fields[names[0]].field(names[1:], prefix)
	case v.keys != nil:
		return ofKeys(slices.Concat(v.keys, names))
	}
	return value{reads: v.reads}
}

// call is a use of a named template.
type call struct {
	name string
	dot  value
}

// action is a part of a template that writes something.
type action struct {
	offset int
	value  value
	calls  []call
}

// condition is an if, a with or a range, by the values it reads.
type condition struct {
	offset int
	reads  [][]string
}

// text is a part of a template that is written as it stands.
type text struct {
	from, to   int
	conditions []condition // around it, the outermost first
}

// reader walks through one body of a template.
type reader struct {
	chart   *templates
	dot     value
	vars    map[string]value
	within  []condition
	calling []string // the named templates on the way here, against recursion

	actions []action
	texts   []text
}

// read walks through a named template, or a file, that is called with dot.
func (c *templates) read(root *parse.ListNode, dot value, calling []string) *reader {
	r := &reader{chart: c, dot: dot, vars: map[string]value{"$": dot}, calling: calling}
	r.list(root)
	return r
}

// all returns everything that the body reads, conditions included.
func (r *reader) all() [][]string {
	var reads [][]string
	for _, t := range r.texts {
		for _, c := range t.conditions {
			reads = join(reads, c.reads)
		}
	}
	for _, a := range r.actions {
		reads = join(reads, a.value.reads)
	}
	return reads
}

// join adds what is not there yet.
func join(reads, more [][]string) [][]string {
	for _, keys := range more {
		if !slices.ContainsFunc(reads, func(known []string) bool { return slices.Equal(known, keys) }) {
			reads = append(reads, keys)
		}
	}
	return reads
}

func (r *reader) list(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, node := range list.Nodes {
		switch n := node.(type) {
		case *parse.TextNode:
			r.texts = append(r.texts, text{int(n.Pos), int(n.Pos) + len(n.Text), slices.Clone(r.within)})
		case *parse.ActionNode:
			v, calls := r.pipe(n.Pipe)
			if len(n.Pipe.Decl) == 0 {
				r.actions = append(r.actions, action{int(n.Pos), v, calls})
			}
		case *parse.TemplateNode:
			dot, _ := r.pipe(n.Pipe)
			v := value{reads: r.chart.reads(n.Name, dot, r.calling)}
			r.actions = append(r.actions, action{int(n.Pos), v, []call{{n.Name, dot}}})
		case *parse.IfNode:
			r.branch(&n.BranchNode)
		case *parse.WithNode:
			r.branch(&n.BranchNode)
		case *parse.RangeNode:
			r.branch(&n.BranchNode)
		}
	}
}

func (r *reader) branch(n *parse.BranchNode) {
	v, _ := r.pipe(n.Pipe)
	dot, within := r.dot, r.within
	r.within = append(slices.Clone(within), condition{int(n.Pos), v.reads})
	switch n.NodeType {
	case parse.NodeWith:
		r.dot = v
	case parse.NodeRange:
		if v.keys != nil {
			v = ofKeys(append(slices.Clone(v.keys), element))
		}
		r.dot = v
		for _, decl := range n.Pipe.Decl {
			r.vars[decl.Ident[0]] = v
		}
	}
	r.list(n.List)
	r.dot = dot
	r.list(n.ElseList)
	r.within = within
}

// element stands in a path for an element of a list, or of a map, that a range
// goes over. No key has this name.
const element = "*"

// pipe returns what a pipeline stands for, and the named templates it uses.
func (r *reader) pipe(p *parse.PipeNode) (value, []call) {
	if p == nil {
		return value{}, nil
	}
	var v value
	var calls []call
	for i, cmd := range p.Cmds {
		next, more := r.command(cmd)
		calls = append(calls, more...)
		if i == 0 {
			v = next
			continue
		}
		v = depends(v, next)
	}
	for _, decl := range p.Decl {
		if old := r.vars[decl.Ident[0]]; p.IsAssign {
			v.reads = join(v.reads, old.reads)
		}
		r.vars[decl.Ident[0]] = v
	}
	return v, calls
}

// depends returns what a function makes of its arguments: what depends on one
// value alone counts as that value, as most functions only write it differently.
func depends(args ...value) value {
	var v value
	for _, arg := range args {
		v.reads = join(v.reads, arg.reads)
	}
	if len(v.reads) == 1 {
		v.keys = v.reads[0]
	}
	return v
}

func (r *reader) command(cmd *parse.CommandNode) (value, []call) {
	var calls []call
	eval := func(node parse.Node) value {
		v, more := r.arg(node)
		calls = append(calls, more...)
		return v
	}
	function, ok := cmd.Args[0].(*parse.IdentifierNode)
	if !ok {
		return eval(cmd.Args[0]), calls
	}
	var args []value
	for _, arg := range cmd.Args[1:] {
		args = append(args, eval(arg))
	}
	switch name, isText := literal(cmd.Args, 1); {
	case function.Ident == "include" && isText && len(args) == 2:
		calls = append(calls, call{name, args[1]})
		return value{reads: r.chart.reads(name, args[1], r.calling)}, calls
	case function.Ident == "dict":
		v := depends(args...)
		v.keys, v.fields = nil, map[string]value{}
		for i := 0; i+1 < len(args); i += 2 {
			if name, ok := literal(cmd.Args, i+1); ok {
				v.fields[name] = args[i+1]
			}
		}
		return v, calls
	case function.Ident == "index" && len(args) > 1:
		var names []string
		for i := range args[1:] {
			name, ok := literal(cmd.Args, i+2)
			if !ok {
				return depends(args...), calls
			}
			names = append(names, name)
		}
		return args[0].field(names, r.chart.prefix), calls
	}
	return depends(args...), calls
}

// literal returns the i-th argument if it is a text.
func literal(args []parse.Node, i int) (string, bool) {
	if i >= len(args) {
		return "", false
	}
	s, ok := args[i].(*parse.StringNode)
	if !ok {
		return "", false
	}
	return s.Text, true
}

func (r *reader) arg(node parse.Node) (value, []call) {
	switch n := node.(type) {
	case *parse.DotNode:
		return r.dot, nil
	case *parse.FieldNode:
		return r.dot.field(n.Ident, r.chart.prefix), nil
	case *parse.VariableNode:
		return r.vars[n.Ident[0]].field(n.Ident[1:], r.chart.prefix), nil
	case *parse.ChainNode:
		v, calls := r.arg(n.Node)
		return v.field(n.Field, r.chart.prefix), calls
	case *parse.PipeNode:
		return r.pipe(n)
	}
	return value{}, nil
}

// lineOf returns the number of the line, from 0, that an offset lies in.
func lineOf(text string, offset int) int { return strings.Count(text[:min(offset, len(text))], "\n") }
