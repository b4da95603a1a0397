package intake

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// reads is what the templates of a chart read of its values, as far as their text
// shows.
type reads struct {
	// paths are those that a template names: .Values.image.tag
	paths [][]string
	// all tells that a template takes the values as a whole.
	all bool
}

var (
	valuesPath = regexp.MustCompile(`\.Values((?:\.[A-Za-z_][A-Za-z0-9_]*)*)`)
	indexPath  = regexp.MustCompile(`\b(?:index|get|dig|hasKey|pluck)\s+\(?\$?\.Values((?:\.[A-Za-z_][A-Za-z0-9_]*)*)\)?((?:\s+"[^"]+")+)`)
	quoted     = regexp.MustCompile(`"([^"]+)"`)
	action     = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	remark     = regexp.MustCompile(`(?s)^\{\{-?\s*/\*`)
)

// readsOf looks through the templates in a folder.
func readsOf(repo fs.FS, dir string) (reads, error) {
	var found reads
	seen := map[string]bool{}
	add := func(names []string) {
		if key := strings.Join(names, "."); !seen[key] {
			seen[key] = true
			found.paths = append(found.paths, names)
		}
	}
	err := fs.WalkDir(repo, path.Join(dir, "templates"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(repo, name)
		if err != nil {
			return err
		}
		for _, text := range action.FindAllString(string(data), -1) {
			if remark.MatchString(text) {
				continue
			}
			for _, m := range indexPath.FindAllStringSubmatch(text, -1) {
				names := fields(m[1])
				for _, q := range quoted.FindAllStringSubmatch(m[2], -1) {
					names = append(names, q[1])
				}
				add(names)
			}
			for _, m := range valuesPath.FindAllStringSubmatch(indexPath.ReplaceAllString(text, ""), -1) {
				names := fields(m[1])
				if len(names) == 0 {
					found.all = true
					continue
				}
				add(names)
			}
		}
		return nil
	})
	if err != nil && !isMissing(err) {
		return reads{}, err
	}
	slices.SortFunc(found.paths, slices.Compare[[]string])
	return found, nil
}

func fields(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '.' })
}
