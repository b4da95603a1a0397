package watch

import (
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
)

// The functions that are put into templates; no template names them itself.
const (
	seeFields = "watch_fields" // notes the fields that are read of its argument
	seeSite   = "watch_site"   // notes the place of the call that follows
	seeEach   = "watch_each"   // notes that its argument is gone through
	seeWhole  = "watch_whole"  // notes that its argument is printed
	seeBranch = "watch_branch" // notes that a branch runs
	seeBegin  = "watch_begin"  // notes that a pipeline begins
	seeEnd    = "watch_end"    // notes that it ends, and with what was read meanwhile
)

// rewriter puts calls that note what happens into one parsed template. They
// return what they are given, so that the text that is rendered stays the same.
type rewriter struct {
	tree *parse.Tree
	text string
	set  *set
	// silent is set for text of the values, which has no file and no branches.
	silent bool
}

func (w *rewriter) list(list *parse.ListNode) {
	if list == nil {
		return
	}
	var nodes []parse.Node
	for _, node := range list.Nodes {
		switch n := node.(type) {
		case *parse.ActionNode:
			if len(n.Pipe.Decl) > 0 {
				nodes = append(nodes, w.follow(n.Pipe))
				break
			}
			w.pipe(n.Pipe)
			w.append(n.Pipe, seeWhole)
		case *parse.TemplateNode:
			w.pipe(n.Pipe)
		case *parse.IfNode:
			nodes = append(nodes, w.branch(&n.BranchNode, "if"))
		case *parse.WithNode:
			nodes = append(nodes, w.branch(&n.BranchNode, "with"))
		case *parse.RangeNode:
			nodes = append(nodes, w.branch(&n.BranchNode, "range"))
			w.append(n.Pipe, seeEach)
		}
		nodes = append(nodes, node)
	}
	list.Nodes = nodes
}

// branch rewrites what hangs on a condition, and returns the node to put before it.
func (w *rewriter) branch(n *parse.BranchNode, kind string) parse.Node {
	condition := w.place(int(n.Pipe.Pos))
	before := w.follow(n.Pipe)
	w.body(n.List, kind, "", condition)
	if n.ElseList != nil && isElseIf(n.ElseList) {
		w.list(n.ElseList)
	} else if n.ElseList != nil {
		w.body(n.ElseList, "else", "", condition)
	}
	return before
}

// follow rewrites a pipeline on which branches or variables depend, and returns the
// node to put before it.
func (w *rewriter) follow(pipe *parse.PipeNode) parse.Node {
	at := w.set.addSpan(span{place: w.place(int(pipe.Pos)), uses: w.variables(pipe)})
	for _, decl := range pipe.Decl {
		w.set.recorder.spans[at].gives = append(w.set.recorder.spans[at].gives, w.variable(decl))
	}
	w.pipe(pipe)
	pipe.Cmds = append(pipe.Cmds, w.call(pipe.Pos, seeEnd, at))
	begin := &parse.CommandNode{NodeType: parse.NodeCommand, Pos: pipe.Pos, Args: []parse.Node{w.ident(pipe.Pos, seeBegin)}}
	return &parse.ActionNode{NodeType: parse.NodeAction, Pos: pipe.Pos, Pipe: w.newPipe(pipe.Pos, begin)}
}

// variables returns the variables that a pipeline uses.
func (w *rewriter) variables(node parse.Node) []string {
	var all []string
	switch n := node.(type) {
	case *parse.PipeNode:
		for _, cmd := range n.Cmds {
			for _, arg := range cmd.Args {
				all = append(all, w.variables(arg)...)
			}
		}
	case *parse.ChainNode:
		return w.variables(n.Node)
	case *parse.VariableNode:
		return []string{w.variable(n)}
	}
	return all
}

// variable returns a name for a variable that it has in no other template.
func (w *rewriter) variable(n *parse.VariableNode) string { return w.tree.Name + " " + n.Ident[0] }

// isElseIf reports whether the list is all of an else if, which is parsed as an
// if in an else.
func isElseIf(list *parse.ListNode) bool {
	if len(list.Nodes) != 1 {
		return false
	}
	switch list.Nodes[0].(type) {
	case *parse.IfNode, *parse.WithNode:
		return true
	}
	return false
}

// body rewrites a branch, and puts a note that it runs at its beginning.
func (w *rewriter) body(list *parse.ListNode, kind, name string, condition position) {
	if w.silent {
		w.list(list)
		return
	}
	inside := len(w.set.branches)
	w.list(list)
	at := min(int(list.Pos), len(w.text))
	for comment := true; comment; { // A list begins after the comments in front of it.
		at = max(0, strings.LastIndex(w.text[:at], "{{"))
		comment = at > 0 && strings.HasPrefix(strings.TrimLeft(w.text[at:], "{- \t\n"), "/*")
	}
	id := w.set.addBranch(Branch{position: w.place(at), Kind: kind, Name: name, Refuses: refuses(list), from: at, to: at, condition: condition})
	for _, b := range w.set.branches[inside:] {
		w.set.branches[len(w.set.branches)-1].to = max(w.set.branches[len(w.set.branches)-1].to, b.to)
	}
	call := w.call(list.Pos, seeBranch, id)
	note := &parse.ActionNode{NodeType: parse.NodeAction, Pos: list.Pos, Pipe: w.newPipe(list.Pos, call)}
	list.Nodes = slices.Insert(list.Nodes, 0, parse.Node(note))
}

// refuses reports whether the list calls fail whenever it runs.
func refuses(list *parse.ListNode) bool {
	return slices.ContainsFunc(list.Nodes, func(node parse.Node) bool {
		action, ok := node.(*parse.ActionNode)
		return ok && slices.ContainsFunc(action.Pipe.Cmds, func(cmd *parse.CommandNode) bool { return ident(cmd) == "fail" })
	})
}

func (w *rewriter) pipe(pipe *parse.PipeNode) {
	if pipe == nil {
		return
	}
	for _, cmd := range pipe.Cmds {
		w.api(cmd)
		for i, arg := range cmd.Args {
			cmd.Args[i] = w.arg(arg)
		}
		// The last argument is evaluated right before the call.
		if last := len(cmd.Args) - 1; last > 0 && keyed[ident(cmd)] {
			s := w.set.addSite(site{position: w.place(int(cmd.Args[0].Position()))})
			cmd.Args[last] = w.newPipe(cmd.Pos, w.call(cmd.Pos, seeSite, s, cmd.Args[last]))
		}
	}
}

// api notes an API version that the template asks the cluster for.
func (w *rewriter) api(cmd *parse.CommandNode) {
	var names []string
	switch n := cmd.Args[0].(type) {
	case *parse.FieldNode:
		names = n.Ident
	case *parse.VariableNode:
		names = n.Ident
	}
	if len(names) < 2 || len(cmd.Args) < 2 || !slices.Equal(names[len(names)-2:], []string{"APIVersions", "Has"}) {
		return
	}
	seen := w.set.recorder.seen
	if text, ok := cmd.Args[1].(*parse.StringNode); ok && !slices.Contains(seen.APIVersions, text.Text) {
		seen.APIVersions = append(seen.APIVersions, text.Text)
	}
}

// arg returns an argument with a note of the fields that it reads.
func (w *rewriter) arg(arg parse.Node) parse.Node {
	switch n := arg.(type) {
	case *parse.PipeNode:
		w.pipe(n)
	case *parse.ChainNode:
		return w.chain(n.Pos, w.arg(n.Node), n.Field, w.columns(int(n.Pos), n.Field, 0))
	case *parse.FieldNode:
		return w.chain(n.Pos, &parse.DotNode{NodeType: parse.NodeDot, Pos: n.Pos}, n.Ident, w.columns(int(n.Pos), n.Ident, 1))
	case *parse.VariableNode:
		if len(n.Ident) > 1 {
			variable := &parse.VariableNode{NodeType: parse.NodeVariable, Pos: n.Pos, Ident: n.Ident[:1]}
			return w.chain(n.Pos, variable, n.Ident[1:], w.columns(int(n.Pos), n.Ident[1:], 0))
		}
	}
	return arg
}

// chain returns the fields of a node, noted.
func (w *rewriter) chain(pos parse.Pos, node parse.Node, names []string, columns []int) parse.Node {
	s := w.set.addSite(site{position: w.place(int(pos)), names: names, columns: columns})
	seen := w.newPipe(pos, w.call(pos, seeFields, s, node))
	return &parse.ChainNode{NodeType: parse.NodeChain, Pos: pos, Node: seen, Field: names}
}

// columns returns the column of each of the names. The parser says of a chain of
// fields where its second begins, or its only one; before is how many come before
// that.
func (w *rewriter) columns(pos int, names []string, before int) []int {
	if len(names) == 1 {
		before = 0
	}
	for _, name := range names[:before] {
		pos -= 1 + len(name)
	}
	column := w.place(pos).Column
	columns := make([]int, len(names))
	for i, name := range names {
		columns[i] = column + 1 // behind the dot
		column += 1 + len(name)
	}
	return columns
}

// append adds a call to the end of a pipeline.
func (w *rewriter) append(pipe *parse.PipeNode, function string) {
	pipe.Cmds = append(pipe.Cmds, &parse.CommandNode{
		NodeType: parse.NodeCommand, Pos: pipe.Pos, Args: []parse.Node{w.ident(pipe.Pos, function)},
	})
}

func (w *rewriter) call(pos parse.Pos, function string, number int, args ...parse.Node) *parse.CommandNode {
	text := strconv.Itoa(number)
	first := []parse.Node{
		w.ident(pos, function),
		&parse.NumberNode{NodeType: parse.NodeNumber, Pos: pos, IsInt: true, Int64: int64(number), Text: text},
	}
	return &parse.CommandNode{NodeType: parse.NodeCommand, Pos: pos, Args: append(first, args...)}
}

func (w *rewriter) newPipe(pos parse.Pos, cmd *parse.CommandNode) *parse.PipeNode {
	return &parse.PipeNode{NodeType: parse.NodePipe, Pos: pos, Line: 1, Cmds: []*parse.CommandNode{cmd}}
}

func (w *rewriter) ident(pos parse.Pos, name string) *parse.IdentifierNode {
	return parse.NewIdentifier(name).SetPos(pos).SetTree(w.tree)
}

// ident returns the function that a command calls, "" if it calls none.
func ident(cmd *parse.CommandNode) string {
	if n, ok := cmd.Args[0].(*parse.IdentifierNode); ok {
		return n.Ident
	}
	return ""
}

// place returns the line and column of an offset.
func (w *rewriter) place(offset int) position {
	if w.silent {
		return position{}
	}
	before := w.text[:max(0, min(offset, len(w.text)))]
	return position{
		Template: w.tree.ParseName,
		Line:     strings.Count(before, "\n") + 1,
		Column:   len(before) - strings.LastIndex(before, "\n"),
	}
}
