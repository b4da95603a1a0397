package chart

import (
	"slices"
	"text/template"
	"text/template/parse"
)

// changing are the functions that write to what they are given, and tpl, whose
// templates come with the values.
var changing = []string{"set", "unset", "merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite", "tpl"}

// IsSteady reports whether what a template includes with the data of its chart is the
// same text throughout a release, wherever it is included, so that it can be rendered
// once. That is so if no template writes to that data or reads anything else, and none
// looks at the one thing in it that differs from file to file, .Template, be it by name
// or by handing all of the data to anything but an include.
func IsSteady(parsed *template.Template) bool {
	for _, t := range parsed.Templates() {
		if t.Tree != nil && !isSteadyNode(t.Root, true) {
			return false
		}
	}
	return true
}

// isSteadyNode is IsSteady for a node. atTop tells that the dot may be the data of the
// chart: it is something else in the body of a with or range.
func isSteadyNode(node parse.Node, atTop bool) bool {
	every := func(nodes []parse.Node) bool {
		return !slices.ContainsFunc(nodes, func(n parse.Node) bool { return !isSteadyNode(n, atTop) })
	}
	branch := func(b *parse.BranchNode, atTop bool) bool {
		return isSteadyNode(b.List, atTop) && (b.ElseList == nil || isSteadyNode(b.ElseList, true))
	}
	switch n := node.(type) {
	case *parse.ListNode:
		return every(n.Nodes)
	case *parse.ActionNode:
		return isSteadyNode(n.Pipe, atTop)
	case *parse.PipeNode:
		return !slices.ContainsFunc(n.Cmds, func(cmd *parse.CommandNode) bool { return !isSteadyNode(cmd, atTop) })
	case *parse.CommandNode:
		if len(n.Args) == 3 && isCallOf(n, "include") && isAll(n.Args[2]) {
			return isSteadyNode(n.Args[1], atTop)
		}
		return every(n.Args)
	case *parse.TemplateNode:
		return isAllPipe(n.Pipe) || n.Pipe == nil || isSteadyNode(n.Pipe, atTop)
	case *parse.IfNode:
		return isSteadyNode(n.Pipe, atTop) && isSteadyNode(n.List, atTop) && (n.ElseList == nil || isSteadyNode(n.ElseList, atTop))
	case *parse.WithNode:
		return isSteadyNode(n.Pipe, atTop) && branch(&n.BranchNode, false)
	case *parse.RangeNode:
		return isSteadyNode(n.Pipe, atTop) && branch(&n.BranchNode, false)
	case *parse.ChainNode:
		return !namesFile(n.Field) && isSteadyNode(n.Node, atTop)
	case *parse.FieldNode:
		return !namesFile(n.Ident)
	case *parse.VariableNode:
		return !namesFile(n.Ident) && !isAll(n)
	case *parse.DotNode:
		return !atTop
	case *parse.StringNode:
		return !namesFile([]string{n.Text})
	case *parse.IdentifierNode:
		return outside[n.Ident] == "" && !slices.Contains(unordered, n.Ident) && !slices.Contains(changing, n.Ident)
	case *parse.TextNode, *parse.CommentNode, *parse.NumberNode, *parse.BoolNode, *parse.NilNode, *parse.BreakNode, *parse.ContinueNode:
		return true
	}
	return false
}

// namesFile reports whether one of the fields leads to the file that is rendered.
func namesFile(fields []string) bool {
	return slices.Contains(fields, "Template") || slices.Contains(fields, "Subcharts")
}

// isAll reports whether a node may be all of the data of a chart.
func isAll(node parse.Node) bool {
	switch n := node.(type) {
	case *parse.DotNode:
		return true
	case *parse.VariableNode:
		return len(n.Ident) == 1 && n.Ident[0] == "$"
	}
	return false
}

func isAllPipe(pipe *parse.PipeNode) bool {
	return pipe != nil && len(pipe.Decl) == 0 && len(pipe.Cmds) == 1 && len(pipe.Cmds[0].Args) == 1 && isAll(pipe.Cmds[0].Args[0])
}
