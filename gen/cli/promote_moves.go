package cli

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"

	"gitlab.com/towpath/towpath/gen/environment"
)

// move is a value that a promotion carries.
type move struct {
	release string
	// path is below the release's values; image tells that it is that of the image,
	// whose parts move together.
	path  []string
	image bool
	// version is what people call an image.
	version string
	// was and is are what TO has before and after, as text.
	was, is string
}

// name is how people name the value: a release and a path.
func (m move) name() string { return strings.Join(append([]string{m.release}, m.path...), ".") }

func (m move) String() string {
	was := m.was
	if was == "" {
		was = "nothing"
	}
	return fmt.Sprintf("%s: %s -> %s", m.name(), was, m.is)
}

// carry finds what moves, and how it is set.
func (p *promotion) carry() ([]setting, error) {
	if len(p.o.only) > 0 {
		return p.carryOnly()
	}
	named, err := namedImages(p.base, p.from)
	if err != nil {
		return nil, err
	}
	if len(named) == 0 {
		return nil, fmt.Errorf("%s names no image in %s/%s, so there is none to carry; name values with --only", p.from.Name, p.from.Dir(), releaseFile)
	}
	var settings []setting
	both := false
	for _, name := range named {
		from, _ := findRelease(p.from, name)
		to, ok := findRelease(p.to, name)
		if !ok {
			fmt.Fprintf(p.Err, "%s has no release %s; its image stays in %s\n", p.to.Name, name, p.from.Name)
			continue
		}
		both = true
		more, err := p.carryImage(from, to)
		if err != nil {
			return nil, err
		}
		settings = append(settings, more...)
	}
	if !both {
		return nil, fmt.Errorf("%s has none of the releases of %s that have an image: %s", p.to.Name, p.from.Name, strings.Join(named, ", "))
	}
	return settings, nil
}

// carryImage carries the image of a release.
func (p *promotion) carryImage(from, to environment.Release) ([]setting, error) {
	is, ok := imageOf(from)
	was, has := imageOf(to)
	if !ok || !has {
		return nil, fmt.Errorf("the release %s has no image in %s and %s alike", from.Name, p.from.Name, p.to.Name)
	}
	if is == was {
		return nil, nil
	}
	if p.to.Tier == "production" && is.digest == "" {
		return nil, p.refuse("%s runs %s of %s, an image without a digest, which can become another one on its way to %s: release it to %s with its digest",
			p.from.Name, is, from.Name, p.to.Name, p.from.Name)
	}
	p.moves = append(p.moves, move{release: from.Name, path: []string{"image"}, image: true, version: is.version(), was: was.String(), is: is.String()})
	return is.settings(to, was), nil
}

// carryOnly carries the values that are named.
func (p *promotion) carryOnly() ([]setting, error) {
	var settings []setting
	for _, text := range p.o.only {
		path := environment.SplitPath(text)
		if len(path) < 2 {
			return nil, fmt.Errorf("--only %s: name a release and a path below its values, such as service.image", text)
		}
		from, ok := findRelease(p.from, path[0])
		to, has := findRelease(p.to, path[0])
		if !ok || !has {
			return nil, fmt.Errorf("--only %s: %s and %s have no release %s in common", text, p.from.Name, p.to.Name, path[0])
		}
		if path = path[1:]; slices.Equal(path, []string{"image"}) {
			more, err := p.carryImage(from, to)
			if err != nil {
				return nil, err
			}
			settings = append(settings, more...)
			continue
		}
		value, at := environment.Find(from.Values, path)
		if len(at) < len(path) {
			return nil, fmt.Errorf("--only %s: %s has no such value; see gen explain %s %s", text, p.from.Name, p.from.Name, strings.Join(append([]string{from.Name}, at...), "."))
		}
		more, err := p.carryValue(to, path, value)
		if err != nil {
			return nil, fmt.Errorf("--only %s: %w", text, err)
		}
		settings = append(settings, more...)
	}
	return settings, nil
}

// carryValue carries a value, of a struct what differs in it.
func (p *promotion) carryValue(to environment.Release, path []string, value cue.Value) ([]setting, error) {
	was, at := environment.Find(to.Values, path)
	exists := len(at) == len(path)
	if value.IncompleteKind() != cue.StructKind {
		is, expr, err := written(value)
		if err != nil {
			return nil, err
		}
		m := move{release: to.Name, path: path, is: is}
		if exists {
			if m.was, _, err = written(was); err != nil {
				return nil, err
			}
		}
		if m.was == m.is {
			return nil, nil
		}
		p.moves = append(p.moves, m)
		return []setting{{release: to.Name, team: to.Team, path: path, value: expr, file: valuesFile}}, nil
	}
	var settings []setting
	fields, err := value.Fields()
	if err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for fields.Next() {
		name := fields.Selector().Unquoted()
		has[name] = true
		more, err := p.carryValue(to, append(slices.Clip(path), name), fields.Value())
		if err != nil {
			return nil, err
		}
		settings = append(settings, more...)
	}
	if !exists || was.IncompleteKind() != cue.StructKind {
		return settings, nil
	}
	others, err := was.Fields()
	if err != nil {
		return nil, err
	}
	for others.Next() {
		if name := others.Selector().Unquoted(); !has[name] {
			fmt.Fprintf(p.Err, "%s keeps %s, which %s does not have\n", p.to.Name, strings.Join(append([]string{to.Name}, append(slices.Clip(path), name)...), "."), p.from.Name)
		}
	}
	return settings, nil
}

// written returns a value as text, and as a literal.
func written(v cue.Value) (string, ast.Expr, error) {
	expr, ok := v.Syntax(cue.Final(), cue.Concrete(true)).(ast.Expr)
	if !ok {
		return "", nil, fmt.Errorf("it has no value that can be written down")
	}
	text, err := format.Node(expr)
	if err != nil {
		return "", nil, err
	}
	return strings.Join(strings.Fields(string(text)), " "), expr, nil
}

func findRelease(env *environment.Environment, name string) (environment.Release, bool) {
	written := env.Written()
	i := slices.IndexFunc(written, func(r environment.Release) bool { return r.Name == name })
	if i < 0 {
		return environment.Release{}, false
	}
	return written[i], true
}

// subject says what moves in a few words.
func subject(moves []move) string {
	var parts []string
	values := 0
	for _, m := range moves {
		switch {
		case m.image:
			parts = append(parts, m.release+" "+m.version)
		case len(moves) <= 2:
			parts = append(parts, m.name())
		default:
			values++
		}
	}
	if values > 0 {
		parts = append(parts, count(values, "value"))
	}
	return strings.Join(parts, ", ")
}

// branchName returns the branch of a promotion: the same for what is the same.
func branchName(to string, moves []move) string {
	var parts []string
	for _, m := range moves {
		part := m.name()
		if m.image {
			part = m.version
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	name := strings.Join(parts, "-")
	if len(name) > 60 {
		name = fmt.Sprintf("%x", sha256.Sum256([]byte(name)))[:12]
	}
	return "promote/" + to + "-" + name
}
