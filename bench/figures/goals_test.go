package figures

import (
	"strings"
	"testing"
)

func TestGoals(t *testing.T) {
	goals := Goals{{Name: "start", Bound: "below 2 s", Measured: "1 s", Met: true}}
	if !goals.Met() || !(Goals{}).Met() {
		t.Error("what is met counts as missed")
	}
	goals = append(goals, Goal{Name: "memory", Bound: "below 5 MiB", Measured: "6 MiB"})
	if goals.Met() {
		t.Error("one that is missed counts as met, beside one that is")
	}
	var text strings.Builder
	goals.Table(&text, "goal")
	want := "| goal   | bound       | measured |         |\n" +
		"|--------|-------------|----------|---------|\n" +
		"| start  | below 2 s   | 1 s      | met     |\n" +
		"| memory | below 5 MiB | 6 MiB    | NOT MET |\n"
	if got := text.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
