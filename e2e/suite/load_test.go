package suite

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/e2e/load"
)

// underLoad sends requests to the Service of an environment, some with connections of their own, some over connections
// that are kept, some slow: about fifty a second, the least that shows what a user of a busy service would meet. It
// asks by address, as the cluster's DNS is not what is tried. The load ends with the test at the latest.
func underLoad(t *testing.T, env string) *load.Load {
	t.Helper()
	address := kubectl(t, "-n", "towpath-"+env, "get", "service", "service", "-o", "jsonpath={.spec.clusterIP}")
	l := load.Start(load.Config{
		URL: "http://" + address + "/", Dial: dialThroughProxy,
		Fresh: 20, Kept: 3, Slow: 2, SlowTime: 3 * time.Second,
	})
	t.Cleanup(func() { l.Stop() })
	// A load that is refused from the start says nothing about what follows.
	eventually(t, time.Minute, func() error {
		if result := l.SoFar(); result.Requests < 20 {
			return fmt.Errorf("%s", result)
		}
		return nil
	})
	return l
}

// noneFailed ends a load and fails the test if a request did.
func noneFailed(t *testing.T, l *load.Load) load.Result {
	t.Helper()
	result := l.Stop()
	if len(result.Failures) > 0 {
		t.Errorf("%s:\n%s", result, listed(result.Failures))
	}
	return result
}

func listed(failures []load.Failure) string {
	var text strings.Builder
	for number, failure := range failures {
		if number == 20 {
			fmt.Fprintf(&text, "and %d more\n", len(failures)-number)
			break
		}
		fmt.Fprintln(&text, failure)
	}
	return text.String()
}
