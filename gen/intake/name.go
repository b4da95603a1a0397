package intake

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A name of a file of values that says nothing of an environment: it is the folder
// that does.
var plainNames = []string{"values", "helm-values", "value", "overrides", "config"}

// commonNames are what people call a file that all environments read first.
var commonNames = []string{"common", "base", "default", "defaults", "shared", "global", "all"}

var (
	extension = regexp.MustCompile(`\.(yaml|yml|json)(\.dec)?$`)
	affix     = regexp.MustCompile(`^(?:values?|overrides?|env)[-_.]|[-_.](?:values?|overrides?)$`)
)

// EnvironmentNames tells from the names of files which environment each is for: its
// own name without "values" (values-stage.yaml, stage.yaml, stage.values.yaml), or
// that of its folder (stage/values.yaml, values/stage/app.yaml). apps are names that
// a file may have for the chart or the release. A file that is for no environment by
// its name gets "".
func EnvironmentNames(files []string, apps ...string) []string {
	own := make([]string, len(files))
	for i, file := range files {
		own[i] = ownName(file, apps)
	}
	// Files of one name in several folders: the folders tell them apart, unless the
	// name says values of its own.
	for i := range files {
		base := extension.ReplaceAllString(path.Base(filepath.ToSlash(files[i])), "")
		for j := range files {
			twice := ownName(files[i], apps) == ownName(files[j], apps) && folder(files[i]) != folder(files[j])
			if own[i] != "" && twice && !affix.MatchString(base) {
				own[i] = ""
			}
		}
	}
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = own[i]
		if names[i] == "" {
			names[i] = clean(folder(file), apps)
		}
		if slices.Contains(commonNames, names[i]) || slices.Contains(plainNames, names[i]) {
			names[i] = ""
		}
	}
	return names
}

// IsCommon reports whether a file has a name as one that all environments read first.
func IsCommon(file string) bool {
	name := extension.ReplaceAllString(path.Base(filepath.ToSlash(file)), "")
	return slices.Contains(commonNames, clean(name, nil)) || slices.Contains(plainNames, name)
}

func folder(file string) string { return path.Base(path.Dir(filepath.ToSlash(file))) }

// ownName returns the environment in a file's name, or "".
func ownName(file string, apps []string) string {
	name := extension.ReplaceAllString(path.Base(filepath.ToSlash(file)), "")
	return clean(name, apps)
}

// clean takes what is no environment out of a name.
func clean(name string, apps []string) string {
	name = strings.ToLower(name)
	for {
		before := name
		name = affix.ReplaceAllString(name, "")
		for _, app := range apps {
			if app == "" {
				continue
			}
			if name == app {
				return ""
			}
			for _, dash := range []string{"-", "_", "."} {
				name = strings.TrimSuffix(strings.TrimPrefix(name, app+dash), dash+app)
			}
		}
		if name == before {
			break
		}
	}
	if slices.Contains(plainNames, name) || name == "." || name == "/" {
		return ""
	}
	return strings.NewReplacer("_", "-", ".", "-").Replace(name)
}

// meant are names that mean the same environment to different people.
var meant = [][]string{
	{"prod", "production", "prd", "live"},
	{"stage", "staging", "stg", "preprod", "pre-prod"},
	{"dev", "development", "devel"},
	{"test", "testing", "tst"},
}

// Meant returns the environment among those given that a name may mean: production
// for prod, and so on.
func Meant(name string, known []string) string {
	for _, group := range meant {
		if !slices.Contains(group, name) {
			continue
		}
		for _, other := range group {
			if other != name && slices.Contains(known, other) {
				return other
			}
		}
	}
	return ""
}

// Tier returns the tier that an environment of this name has as a rule.
func Tier(name string) string {
	first, _, _ := strings.Cut(name, "-")
	for _, n := range []string{name, first} {
		switch {
		case slices.Contains(meant[0], n):
			return "production"
		case slices.Contains(meant[2], n), n == "local", n == "sandbox", n == "ci":
			return "development"
		}
	}
	return "staging"
}
