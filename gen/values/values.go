// Package values turns the values of a release from CUE into the YAML file that
// is committed beside the environment and read by Helm, and so by Argo CD.
package values

import (
	"bytes"
	"fmt"

	"gitlab.com/towpath/towpath/gen/document"
	"gitlab.com/towpath/towpath/gen/environment"
)

// Header returns the first line of every file that gen produces, as a comment
// in a language that comments with "#".
func Header(source string) string {
	return fmt.Sprintf("# Produced by gen render from %s. Do not edit.\n", source)
}

// Encode returns the values of one release as a YAML file. Keys are in
// alphabetical order, so that the order in which CUE unifies its files, which
// means nothing, changes nothing.
func Encode(env *environment.Environment, release environment.Release) ([]byte, error) {
	tree, err := release.Tree()
	if err != nil {
		return nil, fmt.Errorf("values of release %s in %s: %w", release.Name, env.ReleaseDir(release), err)
	}
	body, err := document.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("values of release %s in %s: %w", release.Name, env.ReleaseDir(release), err)
	}
	var file bytes.Buffer
	file.WriteString(Header(env.ReleaseDir(release)))
	file.Write(body)
	return file.Bytes(), nil
}
