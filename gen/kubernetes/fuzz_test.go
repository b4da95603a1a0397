package kubernetes

import (
	"encoding/json"
	"testing"

	"sigs.k8s.io/yaml"
)

// FuzzValidate: whatever decodes, from either kind of decoder, is judged without a panic and without a change.
func FuzzValidate(f *testing.F) {
	for _, object := range goodObjects {
		text, err := yaml.YAMLToJSON([]byte(object))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"apiVersion":"v1","kind":"Pod","metadata":null,"spec":{"containers":[null,1,{"name":[]}],"volumes":{}}}`))
	f.Add([]byte(`{"apiVersion":"/","kind":"_","metadata":[]}`))
	f.Add([]byte(`{"apiVersion":"v1","kind":"Service","spec":{"ports":[{"targetPort":1e400,"port":-0.0}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var object map[string]any
		if json.Unmarshal(text, &object) != nil {
			return
		}
		before, _ := json.Marshal(object)
		for _, version := range []string{"1.31", "1.36"} {
			for _, p := range open(t, version).Validate(object) {
				if len(p.Path) == 0 || p.Kind == 0 || p.Message == "" {
					t.Errorf("incomplete problem %#v", p)
				}
			}
		}
		if after, _ := json.Marshal(object); string(before) != string(after) {
			t.Errorf("the object was changed from %s to %s", before, after)
		}
	})
}
