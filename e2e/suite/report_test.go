package suite

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// row is one line of the table.
type row struct {
	Test, Tried, Happened string
	Verdict               string
}

// tried says what a test tries. What happened is said later, by the function that it returns; a test that fails
// before is in the table as failed.
func tried(t *testing.T, what string) func(format string, args ...any) {
	t.Helper()
	r := row{Test: t.Name(), Tried: what}
	t.Cleanup(func() {
		switch {
		case t.Failed():
			r.Verdict = "FAILED"
		case t.Skipped():
			r.Verdict = "left out"
		default:
			r.Verdict = "passed"
		}
		rows = append(rows, r)
	})
	return func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		t.Log(text)
		if r.Happened != "" {
			r.Happened += "; "
		}
		r.Happened += text
	}
}

// leftOut ends a test that this cluster does not allow, and says so in the table.
func leftOut(t *testing.T, why string) {
	t.Helper()
	tried(t, t.Name())("%s", why)
	t.SkipNow()
}

// seconds is a time as the table shows it.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// oneLine is a message as the table shows it, whole but for line breaks and ids that change.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// processors are the times that the machine's processors have spent since it started, as the first line of /proc/stat
// has them: see proc_stat(5).
func processors() []float64 {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return nil
	}
	line, _, _ := strings.Cut(string(text), "\n")
	var times []float64
	for _, field := range strings.Fields(line)[1:] {
		time, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return nil
		}
		times = append(times, time)
	}
	return times
}

// taken says which share of the processors the host gave to other machines, while this one wanted them. A run is slow
// by that, and may fail by it.
func taken(before, after []float64) string {
	const stolen, guest = 7, 8 // The times of guests are in those of users.
	if len(before) < guest || len(after) < guest {
		return ""
	}
	all := 0.0
	for i := range guest {
		all += after[i] - before[i]
	}
	return fmt.Sprintf("; other machines of the host took %.0f %% of the processors", 100*(after[stolen]-before[stolen])/max(all, 1))
}

// writeReport writes what was tried in a run, how long that took, and what that means.
func writeReport(file string, took time.Duration, about string) error {
	var text strings.Builder
	tests := map[string]bool{}
	for _, r := range rows {
		name, _, _ := strings.Cut(r.Test, "/")
		tests[name] = true
	}
	text.WriteString(`# On a real Kubernetes and a real Argo CD

Written by ` + "`go test ./suite -report ../docs/e2e.md`" + ` in [e2e](../e2e), whose README says what is real there and what is not.
`)
	fmt.Fprintf(&text, "%d tests in %d min %d s on %d cores, %s.\n", len(tests), int(took.Minutes()), int(took.Seconds())%60, runtime.NumCPU(), about)
	text.WriteString(`
| tried | happened | |
|---|---|---|
`)
	for _, r := range rows {
		fmt.Fprintf(&text, "| %s | %s | %s |\n", cell(r.Tried), cell(r.Happened), r.Verdict)
	}
	if !here.isOwn() {
		text.WriteString("\nThe cluster is one that variables named. Its Services were reached by kubectl port-forward.\n")
		return os.WriteFile(file, []byte(text.String()), 0o644)
	}
	fmt.Fprintf(&text, "\n## The cluster comes up\n\nIn %.0f s, as some steps run side by side.\n\n| step | seconds |\n|---|--:|\n", state.Seconds)
	for _, step := range state.Steps {
		fmt.Fprintf(&text, "| %s | %.1f |\n", step.Name, step.Seconds)
	}
	return os.WriteFile(file, []byte(text.String()), 0o644)
}

func cell(text string) string { return strings.ReplaceAll(oneLine(text), "|", "\\|") }
