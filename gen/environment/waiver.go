package environment

import (
	"cuelang.org/go/cue"
)

// Waiver puts up with what breaks a rule of the policy, for a while.
type Waiver struct {
	// Rule is the id of the rule.
	Rule string `json:"rule"`
	// Object is a pattern, as of path.Match, for Kind.group/name of an object or
	// for the path of a value.
	Object string `json:"object"`
	Reason string `json:"reason"`
	Owner  string `json:"owner"`
	// Until is the last day, as YYYY-MM-DD.
	Until string `json:"until"`
}

// WaiverOrigin returns the place that sets a field of e's i-th waiver, or the
// whole waiver for the field "".
func (e *Environment) WaiverOrigin(i int, field string) Origin {
	path := []cue.Selector{cue.Str("waivers"), cue.Index(i)}
	if field != "" {
		path = append(path, cue.Str(field))
	}
	if origins := Origins(e.Value.LookupPath(cue.MakePath(path...))); len(origins) > 0 {
		return origins[0]
	}
	return Origin{}
}
