package diff

import (
	"cmp"
	"embed"
	"fmt"
	"slices"
	"sync"

	"gitlab.com/towpath/towpath/gen/finding"
)

// RiskRule is one kind of risk.
type RiskRule struct {
	ID    string `json:"id"`
	Level Level  `json:"level"`
	// Title says what happens, in one sentence.
	Title string `json:"title"`
	// Why says what may go wrong.
	Why string `json:"why"`
	// Bad is an example: objects before and after.
	Bad Example `json:"bad"`
}

// Example is a change as YAML documents.
type Example struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

//go:embed risks/*.yaml
var riskFiles embed.FS

// Risks returns every rule, ordered by id.
var Risks = sync.OnceValue(func() []RiskRule {
	return finding.Texts(riskFiles, "risks", func(r RiskRule) string { return r.ID })
})

// subject is one object and what becomes of it.
type subject struct {
	pair
	change Change
	edits  []edit
	// from and to are all objects of the release.
	from, to []*object
}

// hit is one thing that a judge found.
type hit struct {
	path    string
	message string
}

func at(path, format string, args ...any) hit { return hit{path, fmt.Sprintf(format, args...)} }

// judges find the risks of a change, by the id of the rule. Each has a text in
// risks/.
var judges = map[string]func(subject) []hit{
	"object-deleted":           objectDeleted,
	"object-renamed":           objectRenamed,
	"object-recreated":         objectRecreated,
	"claim-deleted":            claimDeleted,
	"claim-shrunk":             claimShrunk,
	"storage-changed":          storageChanged,
	"statefulset-storage":      statefulSetStorage,
	"namespace-deleted":        namespaceDeleted,
	"crd-removed":              crdRemoved,
	"crd-changed":              crdChanged,
	"selector-changed":         selectorChanged,
	"rbac-widened":             rbacWidened,
	"exposure-widened":         exposureWidened,
	"host-moved":               hostMoved,
	"replicas-lowered":         replicasLowered,
	"budget-lowered":           budgetLowered,
	"limits-lowered":           limitsLowered,
	"probe-removed":            probeRemoved,
	"image-changed":            imageChanged,
	"image-downgraded":         imageDowngraded,
	"pods-restart":             podsRestart,
	"security-weakened":        securityWeakened,
	"hook-changed":             hookChanged,
	"wave-changed":             waveChanged,
	"hpa-switched":             hpaSwitched,
	"secret-reference-changed": secretReferenceChanged,
	"service-account-changed":  serviceAccountChanged,
	"approval-record":          approvalRecord,
	"job-rerun":                jobRerun,
	"schedule-changed":         scheduleChanged,
}

// risks returns what a person should know of a change, the highest first.
func risks(s subject) []Risk {
	var found []Risk
	for _, rule := range Risks() {
		for _, hit := range judges[rule.ID](s) {
			found = append(found, Risk{ID: rule.ID, Level: rule.Level, Message: hit.message, Path: hit.path})
		}
	}
	slices.SortStableFunc(found, func(a, b Risk) int {
		return cmp.Or(cmp.Compare(rank(b.Level), rank(a.Level)), cmp.Compare(a.ID, b.ID), comparePaths(a.Path, b.Path))
	})
	return slices.Compact(found)
}

func rank(level Level) int { return slices.Index([]Level{Low, Medium, High}, level) }

// is reports whether the object is of one of the kinds.
func (s subject) is(groupKinds ...string) bool {
	return slices.Contains(groupKinds, cmp.Or(s.after, s.before).groupKind())
}

// goes reports whether the object ends, under its name at least.
func (s subject) goes() bool { return s.change == Removed || s.change == Renamed }

// comes reports whether the object is new, under its name at least.
func (s subject) comes() bool { return s.change == Added || s.change == Renamed }

// changed returns the edits below any of the paths, which are names with dots.
func (s subject) changed(paths ...string) []edit {
	var found []edit
	for _, e := range s.edits {
		if isBelow(e.path.names(), paths) {
			found = append(found, e)
		}
	}
	return found
}

// said is a value in a message.
func said(v any) string {
	if v == nil {
		return "nothing"
	}
	return fmt.Sprint(show(v))
}

// added returns what is in a list of texts and was not before.
func added(before, after []string) []string {
	var found []string
	for _, text := range after {
		if !slices.Contains(before, text) && !slices.Contains(found, text) {
			found = append(found, text)
		}
	}
	return found
}

// words are the items of a list as texts.
func words(v any) []string {
	var found []string
	for _, item := range list(v) {
		if item := said(item); item != "" {
			found = append(found, item)
		}
	}
	return found
}
