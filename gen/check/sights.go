package check

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	goyaml "sigs.k8s.io/yaml/goyaml.v3"

	"gitlab.com/towpath/towpath/gen/cases"
	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/watch"
)

// sights are what the templates of a chart were seen to do with the values of releases,
// of which there may be any number. It can be added to from many goroutines.
type sights struct {
	mu      sync.Mutex
	chart   *chart.Chart
	watcher *watch.Watcher
	// byEnvironment are apart from each other, as it may turn out that an environment
	// is invalid and none of its releases counts.
	byEnvironment map[string]*sight
}

// sight is what was seen in one environment.
type sight struct {
	failed bool // A release can't be rendered.
	seen   *watch.Seen
	// views are those releases from which others may be made up, the first and the last
	// of those that lead to the same branches. What is between them would not be used.
	views map[string]*[2]view
	most  int // of views, until they are looked through again
}

// view is what was seen of one release, as far as it leads further.
type view struct {
	order   string
	request chart.Release
	seen    *watch.Seen
}

func newSights(c *chart.Chart) *sights {
	return &sights{chart: c, watcher: watch.New(c), byEnvironment: map[string]*sight{}}
}

// add watches the chart being rendered for a release; order is its place among those of
// the environment.
func (s *sights) add(environment, order string, request chart.Release) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.byEnvironment[environment]
	if !ok {
		one = &sight{views: map[string]*[2]view{}, most: 32}
		s.byEnvironment[environment] = one
	}
	if one.failed {
		return
	}
	tried, err := s.watcher.Try(request, nil)
	if err != nil {
		one.failed = true // Reported with the release.
		one.views = nil
		return
	}
	one.seen = watch.Together(one.seen, tried)
	request.First = nil // The text is enough, and smaller.
	one.keep(s.watcher, view{order, request, tried})
	if len(one.views) <= one.most {
		return
	}
	// Branches have run since, and what told releases apart may not any more.
	old := one.views
	one.views = map[string]*[2]view{}
	for _, ends := range old {
		one.keep(s.watcher, ends[0])
		one.keep(s.watcher, ends[1])
	}
	one.most = 2*len(one.views) + 32
}

// keep remembers a view if it is the first or the last of its kind.
func (s *sight) keep(w *watch.Watcher, v view) {
	var kind string
	v.seen, kind = w.Outlook(s.seen, v.seen)
	ends, ok := s.views[kind]
	switch {
	case !ok:
		s.views[kind] = &[2]view{v, v}
	case v.order < ends[0].order:
		ends[0] = v
	case v.order > ends[1].order:
		ends[1] = v
	}
}

// bases makes what was seen in some environments count, and returns the cases to start
// from, in the order of the environments and their releases. ok is false if one of
// their releases can't be rendered.
func (s *sights) bases(environments []string) (bases []base, ok bool) {
	for _, name := range environments {
		one := s.byEnvironment[name]
		if one == nil {
			continue
		}
		if one.failed {
			return nil, false
		}
		s.watcher.Add(one.seen)
		var views []view
		for _, kind := range slices.Sorted(maps.Keys(one.views)) {
			views = append(views, one.views[kind][:]...)
		}
		slices.SortFunc(views, func(a, b view) int { return cmp.Compare(a.order, b.order) })
		views = slices.CompactFunc(views, func(a, b view) bool { return a.order == b.order })
		for _, v := range views {
			r := v.request
			made := cases.Case{Name: r.Name, Values: map[string]any{}}
			if goyaml.Unmarshal(bytes.Join(r.Values, []byte("\n")), &made.Values) != nil {
				continue
			}
			made.Approval, _ = made.Values["approval"].(map[string]any)
			delete(made.Values, "approval")
			bases = append(bases, base{made, variant{r.Name, r.KubernetesVersion, len(r.APIVersions) > 0}, v.seen})
		}
	}
	return bases, true
}

// orderOf returns a text by which releases are ordered as they are in an environment.
func orderOf(name, helm string) string { return strings.Join([]string{name, helm}, "\x00") }
