package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// approval stands in for the approval record, which approvals have and main has
// not, so that what charts make of it is counted.
const approval = `approval:
  number: 1
  commit: "0000000000000000000000000000000000000000"
  approvedBy: nobody
  approvedAt: "1970-01-01T00:00:00Z"
`

// kinds returns a function that renders what an Application names, its chart
// with its value files, and returns the kinds of the objects.
func kinds(repo fs.FS) func(*v1alpha1.Application) ([]schema.GroupKind, error) {
	return func(app *v1alpha1.Application) ([]schema.GroupKind, error) {
		source := app.Spec.Source
		c, err := chart.Load(repo, path.Base(source.Path))
		if err != nil {
			return nil, err
		}
		release := chart.Release{
			Name:              source.Helm.ReleaseName,
			Namespace:         app.Spec.Destination.Namespace,
			KubernetesVersion: source.Helm.KubeVersion,
			APIVersions:       source.Helm.APIVersions,
		}
		for _, file := range source.Helm.ValueFiles {
			values, err := fs.ReadFile(repo, strings.TrimPrefix(file, "/"))
			if errors.Is(err, fs.ErrNotExist) && path.Base(file) == "approval.yaml" {
				values, err = []byte(approval), nil
			}
			if err != nil {
				return nil, fmt.Errorf("reading the values of %s: %w", app.Name, err)
			}
			release.Values = append(release.Values, values)
		}
		sources, err := c.Render(release)
		if err != nil {
			return nil, err
		}
		objects, err := manifest.Parse(sources)
		if err != nil {
			return nil, err
		}
		var out []schema.GroupKind
		for _, object := range objects {
			if kind := (schema.GroupKind{Group: object.Group(), Kind: object.Kind}); !slices.Contains(out, kind) {
				out = append(out, kind)
			}
		}
		return out, nil
	}
}
