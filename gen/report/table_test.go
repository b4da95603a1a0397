package report_test

import (
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/gen/report"
)

var tableRows = [][]report.Cell{
	{{Text: "dev"}, {Text: "none", Tone: report.Faint}, {Text: "1"}},
	{{Text: "stage"}, {Text: "Deployment is\x1b[31m not well at all", Tone: report.Bad}, {Text: "22"}},
	{{Text: "prod"}, {Text: ""}, {Text: ""}},
}

func table(t *testing.T, o report.TextOptions) string {
	t.Helper()
	var text strings.Builder
	if err := report.Table(&text, []string{"NAME", "STATE", "N"}, tableRows, o); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestTable(t *testing.T) {
	t.Parallel()
	want := `NAME   STATE                                N
dev    none                                 1
stage  Deployment is\u001b[31m not well at all  22
prod
`
	want = strings.ReplaceAll(want, "STATE                                N", "STATE                                    N")
	want = strings.ReplaceAll(want, "none                                 1", "none                                     1")
	if got := table(t, report.TextOptions{}); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	want = `NAME   STATE             N
dev    none              1
stage  Deployment        22
       is\u001b[31m not
       well at all
prod
`
	if got := table(t, report.TextOptions{Width: 27}); got != want {
		t.Errorf("in 27 columns\n%swant\n%s", got, want)
	}
	for line := range strings.Lines(table(t, report.TextOptions{Width: 5})) {
		if strings.TrimRight(line, " \n")+"\n" != line {
			t.Errorf("%q ends in spaces", line)
		}
	}
	painted := table(t, report.TextOptions{Colour: true})
	for _, text := range []string{"\x1b[1mNAME\x1b[", "\x1b[2mnone\x1b[", "\x1b[31;1mDeployment"} {
		if !strings.Contains(painted, text) {
			t.Errorf("no %q in %q", text, painted)
		}
	}
	if strings.Contains(painted, "\x1b[31m not") {
		t.Errorf("a text acts on the terminal: %q", painted)
	}
}
