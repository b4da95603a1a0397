package trust

import (
	"fmt"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// Argo CD decides about the present only. For the present, this package has to
// decide the same.
func TestCanSyncAsArgoCD(t *testing.T) {
	t.Parallel()
	now := time.Now()
	at := func(shift time.Duration) string {
		start := now.UTC().Add(shift)
		return fmt.Sprintf("%d %d * * *", start.Minute(), start.Hour())
	}
	// An hour on either side keeps the decision the same while the test runs.
	past, open, future := at(-5*time.Hour), at(-time.Hour), at(3*time.Hour)
	var all []*v1alpha1.SyncWindow
	for _, kind := range []string{"allow", "deny"} {
		for _, schedule := range []string{past, open, future} {
			for _, manual := range []bool{false, true} {
				for _, zone := range []string{"", "UTC", "Asia/Tokyo", "Nowhere/Land"} {
					all = append(all, &v1alpha1.SyncWindow{Kind: kind, Schedule: schedule, Duration: "2h", ManualSync: manual, TimeZone: zone})
				}
			}
		}
	}
	for i, first := range all {
		for _, second := range all[i:] {
			windows := v1alpha1.SyncWindows{first, second}
			spans, err := newSpans(windows)
			if err != nil {
				t.Fatal(err)
			}
			for _, manual := range []bool{false, true} {
				want, err := windows.CanSync(manual)
				if err != nil {
					t.Fatal(err)
				}
				if got := spans.canSync(now, manual); got != want {
					t.Errorf("%+v and %+v, manual %t: %t, and Argo CD says %t", *first, *second, manual, got, want)
				}
			}
		}
	}
}
