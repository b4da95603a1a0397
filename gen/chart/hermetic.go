package chart

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"text/template/parse"

	"gitlab.com/towpath/towpath/gen/finding"
)

// outside says of each function that reads something beside chart and values
// what that is. The functions are Helm's (https://helm.sh/docs/chart_template_guide/function_list)
// and those of Sprig that it passes on.
var outside = map[string]string{
	"lookup":                   "the cluster",
	"getHostByName":            "the network",
	"env":                      "the environment of the process",
	"expandenv":                "the environment of the process",
	"now":                      "the clock",
	"ago":                      "the clock",
	"date":                     "the time zone of the machine",
	"htmlDate":                 "the time zone of the machine",
	"toDate":                   "the time zone of the machine",
	"mustToDate":               "the time zone of the machine",
	"uuidv4":                   "a random source",
	"randAlphaNum":             "a random source",
	"randAlpha":                "a random source",
	"randAscii":                "a random source",
	"randNumeric":              "a random source",
	"randBytes":                "a random source",
	"randInt":                  "a random source",
	"shuffle":                  "a random source",
	"bcrypt":                   "a random source",
	"htpasswd":                 "a random source",
	"encryptAES":               "a random source",
	"genPrivateKey":            "a random source",
	"genCA":                    "a random source",
	"genCAWithKey":             "a random source",
	"genSelfSignedCert":        "a random source",
	"genSelfSignedCertWithKey": "a random source",
	"genSignedCert":            "a random source",
	"genSignedCertWithKey":     "a random source",
}

// unordered are the functions whose result has the random order of Go's maps.
var unordered = []string{"keys", "values"}

// Hermetic returns a finding for each call in the chart's templates, and in
// those of its dependencies, whose result depends on anything but chart and
// values. If a template passes values through tpl, the texts among the given
// values are templates too.
func (c *Chart) Hermetic(values map[string]any) finding.List {
	calls := c.calls()
	findings := slices.Clone(calls.findings)
	if calls.tpl {
		findings = append(findings, hermeticTexts(values, "")...)
	}
	return findings.Sort()
}

// templateCalls is what the templates of a chart call.
type templateCalls struct {
	findings finding.List
	tpl      bool // whether one of them calls tpl
}

func (c *Chart) findAllCalls() templateCalls {
	var found templateCalls
	for name, data := range c.files {
		if !isTemplate(name) {
			continue
		}
		calls, err := findCalls(name, string(data))
		if err != nil {
			err = fmt.Errorf("parse error at (%s/%s", c.Name, strings.TrimPrefix(err.Error(), "template: "))
			found.findings = append(found.findings, c.templateFinding(err))
			continue
		}
		for _, call := range calls {
			found.tpl = found.tpl || call.name == "tpl"
			if call.reads == "" {
				continue
			}
			found.findings = append(found.findings, finding.Finding{
				Rule:     "not-hermetic",
				Severity: finding.Error,
				Position: finding.Position{File: path.Join(c.Path(), name), Line: call.line, Column: call.column},
				Message:  fmt.Sprintf("%s depends on %s", call.name, call.reads),
				Help:     call.help,
				Width:    len(call.name),
			})
		}
	}
	return found
}

func isTemplate(name string) bool {
	dir := path.Dir(name)
	return strings.Contains("/"+dir+"/", "/templates/")
}

// hermeticTexts looks for calls in texts of the values.
func hermeticTexts(value any, key string) finding.List {
	var findings finding.List
	switch v := value.(type) {
	case map[string]any:
		for k, elem := range v {
			findings = append(findings, hermeticTexts(elem, strings.TrimPrefix(key+"."+k, "."))...)
		}
	case []any:
		for _, elem := range v {
			findings = append(findings, hermeticTexts(elem, key)...)
		}
	case string:
		calls, err := findCalls(key, v)
		if err != nil {
			return nil //nolint:nilerr // tpl reports it, with the template that calls it.
		}
		for _, call := range calls {
			if call.reads != "" {
				findings = append(findings, finding.Finding{
					Rule:     "not-hermetic",
					Severity: finding.Error,
					Message:  fmt.Sprintf("%s in the value %s depends on %s", call.name, key, call.reads),
					Help:     call.help,
					Object:   key,
				})
			}
		}
	}
	return findings
}

// call is a function call in a template.
type call struct {
	name         string
	line, column int
	// reads says what the call depends on beside its arguments, if anything.
	reads string
	help  string
}

// findCalls returns the function calls of a template that matter for whether it
// is hermetic, in the order of the text.
func findCalls(name, text string) ([]call, error) {
	trees := map[string]*parse.Tree{}
	tree := parse.New(name)
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(text, "", "", trees); err != nil {
		return nil, err
	}
	var calls []call
	add := func(pos parse.Pos, name, reads, help string) {
		before := text[:pos]
		line := strings.Count(before, "\n") + 1
		calls = append(calls, call{name, line, len(before) - strings.LastIndex(before, "\n"), reads, help})
	}
	for _, tree := range trees {
		walk(tree.Root, func(node parse.Node) {
			switch n := node.(type) {
			case *parse.PipeNode:
				sorted := slices.ContainsFunc(n.Cmds, func(cmd *parse.CommandNode) bool { return isCallOf(cmd, "sortAlpha") })
				for _, cmd := range n.Cmds {
					for _, fn := range unordered {
						if isCallOf(cmd, fn) && !sorted {
							add(cmd.Args[0].Position(), fn, "the random order of a map", "pipe it into sortAlpha, or range over the map itself, which Go sorts")
						}
					}
				}
			case *parse.IdentifierNode:
				if reads := outside[n.Ident]; reads != "" {
					add(n.Pos, n.Ident, reads, "take it from the values, where the environment says it once")
				} else if n.Ident == "tpl" {
					add(n.Pos, "tpl", "", "")
				}
			case *parse.FieldNode:
				if namesHelmVersion(n.Ident) {
					add(n.Pos, ".Capabilities.HelmVersion", "the version of Helm that renders", "leave it out")
				}
			case *parse.VariableNode:
				if namesHelmVersion(n.Ident) {
					add(n.Pos, "$.Capabilities.HelmVersion", "the version of Helm that renders", "leave it out")
				}
			}
		})
	}
	slices.SortFunc(calls, func(a, b call) int { return a.line*10000 + a.column - b.line*10000 - b.column })
	return calls, nil
}

// isCallOf reports whether the command calls the function.
func isCallOf(cmd *parse.CommandNode, function string) bool {
	ident, ok := cmd.Args[0].(*parse.IdentifierNode)
	return ok && ident.Ident == function
}

func namesHelmVersion(fields []string) bool {
	i := slices.Index(fields, "HelmVersion")
	return i > 0 && fields[i-1] == "Capabilities"
}

// walk visits every node below and including node.
func walk(node parse.Node, visit func(parse.Node)) {
	if node == nil {
		return
	}
	visit(node)
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				walk(child, visit)
			}
		}
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.PipeNode:
		if n != nil {
			for _, cmd := range n.Cmds {
				walk(cmd, visit)
			}
		}
	case *parse.CommandNode:
		for _, arg := range n.Args {
			walk(arg, visit)
		}
	case *parse.ChainNode:
		walk(n.Node, visit)
	case *parse.IfNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.RangeNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.WithNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.TemplateNode:
		walk(n.Pipe, visit)
	}
}

func walkBranch(n *parse.BranchNode, visit func(parse.Node)) {
	walk(n.Pipe, visit)
	walk(n.List, visit)
	if n.ElseList != nil {
		walk(n.ElseList, visit)
	}
}
