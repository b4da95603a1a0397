package suite

import "testing"

// TestUntoldCommit pushes the commit that TestCommitReachesStage waits for, which Argo CD does not look for at once. What
// runs meanwhile leaves stage alone: attacks on prod, which push nothing to main, and beside them the rollout of world,
// which waits for its regions most of the time and shares neither namespaces nor approvals with prod.
func TestUntoldCommit(t *testing.T) {
	waiting = pushUntold(t)
	if wholeSuite() {
		startAside(t, "TestRegionAfterRegion")
	}
}
