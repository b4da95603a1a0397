package blame

import (
	"fmt"
	"testing"
	"testing/fstest"

	"gitlab.com/towpath/towpath/gen/manifest"
)

// TestReadsOnce counts how often templates are searched for a field that the objects
// of many releases have.
func TestReadsOnce(t *testing.T) {
	const file = "charts/boat/templates/boat.yaml"
	repo := fstest.MapFS{file: {Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  level: {{ .Values.level }}\n")}}
	finder := New(repo)
	for i := range 50 {
		read := finder.Reads(manifest.Object{Template: file, Kind: "ConfigMap", Name: fmt.Sprintf("boat-%d", i)}, []string{"data", "level"})
		if len(read.Reads) != 1 || read.Reads[0][0] != "level" || read.Template.Line != 6 {
			t.Fatalf("data.level reads %v on line %d", read.Reads, read.Template.Line)
		}
	}
	if n := len(finder.charts["charts/boat"].hits); n != 1 {
		t.Errorf("%d fields were looked for, not 1", n)
	}
	if n := len(finder.charts); n != 1 {
		t.Errorf("%d charts were read, not 1", n)
	}
}
