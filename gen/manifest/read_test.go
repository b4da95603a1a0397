package manifest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/manifest"
)

func TestUnmarshal(t *testing.T) {
	objects, err := manifest.Parse([]chart.Source{
		{Template: "charts/a/templates/one.yaml", Text: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  text: |\n    ---\n    # Source: b.yaml\n    kind: Secret\n  number: \"1e3\"\n"},
		{Template: "charts/a/templates/two.yaml", Text: "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 12345678901234567890}]}\n"},
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := manifest.Marshal(objects)
	if err != nil {
		t.Fatal(err)
	}
	got, err := manifest.Unmarshal(text)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(objects, got); d != "" {
		t.Errorf("-written +read\n%s", d)
	}
	if none, err := manifest.Unmarshal(nil); len(none) != 0 || err != nil {
		t.Errorf("of nothing: %v, %v", none, err)
	}
}
