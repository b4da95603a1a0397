package policy

import (
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/manifest"
)

const secretHelp = "keep it in the vault, and refer to it: an ExternalSecret, and secretKeyRef in the pod; " +
	"what was ever committed has to be replaced"

// inlineSecret finds secrets that are written out. A message names the place and
// why, and never repeats what is there.
func inlineSecret(r *Release) []Violation {
	var found []Violation
	for _, o := range r.Objects {
		if o.GroupKind() == "Secret" {
			found = append(found, secretData(root(o))...)
			continue
		}
		found = append(found, tokens(root(o))...)
		for _, annotation := range root(o).at("metadata", "annotations").fields() {
			found = append(found, named(annotation.name(), annotation, inAnnotation)...)
		}
		for _, entry := range texts(root(o)) {
			found = append(found, named(entry.name(), entry, inText)...)
		}
	}
	for _, p := range pods(r) {
		if p.kind() != "Pod" {
			for _, annotation := range p.metadata.at("annotations").fields() {
				found = append(found, named(annotation.name(), annotation, inAnnotation)...)
			}
		}
		for _, c := range p.containers() {
			for _, variable := range c.at("env").list() {
				found = append(found, named(variable.at("name").text(), variable.at("value"), inVariable)...)
			}
			found = append(found, arguments(c.at("command"))...)
			found = append(found, arguments(c.at("args"))...)
		}
	}
	return distinct(found)
}

// texts returns what an object keeps for pods under names of its own: the
// entries of a ConfigMap, and those of a Secret that an ExternalSecret composes.
func texts(o field) []field {
	switch o.object.GroupKind() {
	case "ConfigMap":
		return o.at("data").fields()
	case "ExternalSecret.external-secrets.io":
		return o.at("spec", "target", "template", "data").fields()
	default:
		return nil
	}
}

// secretData reports a Secret that carries anything: a Secret is filled in the
// cluster, and a release refers to it.
func secretData(secret field) []Violation {
	var found []Violation
	for _, part := range []string{"data", "stringData"} {
		for _, entry := range secret.at(part).fields() {
			found = append(found, entry.blame(secretHelp, "%s carries its content (%s)", secret.object, entry.name()))
		}
	}
	return found
}

// setting is where a name and its value were found. What a name gives away
// differs: an annotation that ends in secret names a Secret.
type setting int

const (
	inVariable setting = iota
	inText
	inAnnotation
)

// named judges a value by the name it has, and by its looks.
func named(name string, at field, in setting) []Violation {
	value := at.scalar()
	switch {
	case saysSecret(name, in) && isLiteral(value):
		return []Violation{at.blame(secretHelp, "%s of %s is a secret by its name", name, at.object)}
	case in == inText && strings.Contains(value, "\n"):
		if found := settings(at, value); len(found) > 0 {
			return found
		}
	}
	if !saysPublic(name) && looksRandom(value) {
		return []Violation{at.blame(secretHelp, "%s of %s is as random as a key", name, at.object)}
	}
	return nil
}

// line is one setting of a configuration file in YAML, JSON, TOML, INI or
// properties.
var line = lazily(`^[ \t]*(?:- )?["']?([A-Za-z_][A-Za-z0-9_.-]*)["']?[ \t]*[:=][ \t]*(.*?)[ \t]*,?[ \t\r]*$`)

// settings judges the lines of a file within a ConfigMap by their names.
func settings(at field, text string) []Violation {
	var found []Violation
	for text := range strings.Lines(text) {
		name, _, _ := strings.Cut(text, ":")
		name, _, _ = strings.Cut(name, "=")
		if !saysSecret(strings.Trim(name, " \t\"'-"), inText) {
			continue // Most lines; the expression takes its time.
		}
		m := line().FindStringSubmatch(strings.TrimRight(text, "\r\n"))
		if m == nil {
			continue
		}
		value, _, _ := strings.Cut(m[2], " #")
		if isLiteral(strings.Trim(strings.TrimSpace(value), `"'`)) {
			found = append(found, at.blame(secretHelp, "the setting %s in %s of %s is a secret by its name", m[1], at.name(), at.object))
		}
	}
	return found
}

// arguments judges --name=value, --name value and NAME=value.
func arguments(list field) []Violation {
	var found []Violation
	previous := ""
	for _, at := range list.list() {
		name, value, assigned := strings.Cut(at.text(), "=")
		if !assigned {
			name, value = previous, at.text()
		}
		previous = ""
		if !assigned && strings.HasPrefix(at.text(), "-") {
			name, value, previous = "", "", at.text()
		}
		if saysSecret(strings.TrimLeft(name, "-"), inVariable) && isLiteral(value) {
			found = append(found, at.blame(secretHelp, "the argument %s is a secret by its name", name))
		} else if looksRandom(value) {
			found = append(found, at.blame(secretHelp, "an argument is as random as a key"))
		}
	}
	return found
}

// tokens looks for keys and tokens that say what they are, in every text of an
// object.
func tokens(f field) []Violation {
	if !holdsToken(f.value) {
		return nil // As nearly always; fields take a path each.
	}
	var found []Violation
	switch f.value.(type) {
	case map[string]any:
		for _, child := range f.fields() {
			found = append(found, tokens(child)...)
		}
	case []any:
		for _, child := range f.list() {
			found = append(found, tokens(child)...)
		}
	default:
		found = append(found, f.blame(secretHelp, "%s of %s holds %s", strings.Join(f.path, "."), f.object, knownToken(f.text())))
	}
	return found
}

// holdsToken reports whether there is a known token in any text of a value.
func holdsToken(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		for _, child := range value {
			if holdsToken(child) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, holdsToken)
	case string:
		return knownToken(value) != ""
	}
	return false
}

// distinct drops what was found at the same place for a second reason, which
// only happens to values that are secret beyond doubt.
func distinct(found []Violation) []Violation {
	seen := map[string]bool{}
	var kept []Violation
	for _, v := range found {
		if key := key(v.Object, v.Path) + v.setting(); !seen[key] {
			seen[key] = true
			kept = append(kept, v)
		}
	}
	return kept
}

func key(o manifest.Object, path []string) string {
	return o.String() + "\x00" + strings.Join(path, "\x00")
}

// setting tells several settings in one text apart.
func (v Violation) setting() string {
	if rest, ok := strings.CutPrefix(v.Message, "the setting "); ok {
		name, _, _ := strings.Cut(rest, " ")
		return "\x00" + name
	}
	return ""
}
