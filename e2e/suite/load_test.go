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
	unanswered.take()
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

// noneFailed ends a load and fails the test if a request did, or if more than one attempt to connect was not answered. A
// Service that names a pod which is gone loses its share of all connections, here several a second. A single one was met
// once, and never in 27 drains that were made to find its cause; the report says so, with what the node knew of it.
func noneFailed(t *testing.T, l *load.Load) load.Result {
	t.Helper()
	result := l.Stop()
	if len(result.Failures) > 0 {
		t.Errorf("%s:\n%s", result, listed(result.Failures))
	}
	attempts := unanswered.take()
	if text := strings.Join(attempts, "\n"); len(attempts) > 1 {
		t.Errorf("%s: %d attempts to connect were not answered:\n%s", result, len(attempts), text)
	} else if len(attempts) == 1 {
		tried(t, "connections to the Service of an environment under load")("one connection was made by a second attempt, as the first was not answered: %s", text)
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
