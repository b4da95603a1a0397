package toolcache

import "os"

// TB is the part of testing.TB that Require needs.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// Require returns the path of the tool to a test. If the tool isn't installed
// the test is skipped, or fails if TOWPATH_REQUIRE_TOOLS is 1, as it is where a
// skip would go unseen.
func (t Tool) Require(tb TB) string {
	tb.Helper()
	file, err := t.Find()
	if err == nil {
		return file
	}
	if os.Getenv("TOWPATH_REQUIRE_TOOLS") == "1" {
		tb.Fatalf("%v; run %s", err, InstallCommand)
		return ""
	}
	tb.Skipf("%v; to run this test, run %s", err, InstallCommand)
	return ""
}
