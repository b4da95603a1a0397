package trust

import (
	"encoding/json"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"

	"github.com/argoproj/argo-cd/v2/applicationset/utils"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// Generate returns the Applications that an ApplicationSet makes, as Argo CD's
// controller renders them before it takes automated sync out of them. It knows the one
// generator that gen produces, a list with elements, and refuses the others.
func Generate(set *v1alpha1.ApplicationSet) ([]*v1alpha1.Application, error) {
	if len(set.Spec.Generators) != 1 || set.Spec.Generators[0].List == nil {
		return nil, errors.New("it needs one generator, a list")
	}
	tmpl := set.Spec.Template
	template := &v1alpha1.Application{Spec: tmpl.Spec}
	template.Name, template.Namespace = tmpl.Name, tmpl.Namespace
	template.Labels, template.Annotations, template.Finalizers = tmpl.Labels, tmpl.Annotations, tmpl.Finalizers
	render := &utils.Render{}
	var apps []*v1alpha1.Application
	for i, element := range set.Spec.Generators[0].List.Elements {
		var params map[string]any
		if err := json.Unmarshal(element.Raw, &params); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		app, err := render.RenderTemplateParams(template, set.Spec.SyncPolicy, params, set.Spec.GoTemplate, set.Spec.GoTemplateOptions)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		if set.Spec.TemplatePatch != nil {
			patch, err := render.Replace(*set.Spec.TemplatePatch, params, set.Spec.GoTemplate, set.Spec.GoTemplateOptions)
			if err == nil {
				app, err = patched(app, patch)
			}
			if err != nil {
				return nil, fmt.Errorf("element %d: templatePatch: %w", i, err)
			}
		}
		app.Namespace = set.Namespace
		apps = append(apps, app)
	}
	return apps, nil
}

// patched returns app with a templatePatch applied, as Argo CD applies it. Its own code
// for that is in a package that brings the clients of every Git host along.
func patched(app *v1alpha1.Application, patch string) (*v1alpha1.Application, error) {
	before, err := json.Marshal(app)
	if err != nil {
		return nil, err
	}
	text, err := yaml.YAMLToJSON([]byte(patch))
	if err != nil {
		return nil, err
	}
	after, err := strategicpatch.StrategicMergePatch(before, text, v1alpha1.Application{})
	if err != nil {
		return nil, err
	}
	out := &v1alpha1.Application{}
	if err := json.Unmarshal(after, out); err != nil {
		return nil, err
	}
	out.Spec.Project = app.Spec.Project
	return out, nil
}
