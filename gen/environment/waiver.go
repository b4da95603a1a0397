package environment

import (
	"slices"

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
	// Team is the one whose folder has the waiver, which then covers the team's
	// releases only; "" if the environment's own has it.
	Team string `json:"team,omitempty"`

	origins map[string]Origin // of the fields, where nothing of CUE's is at hand any more
}

// WaiverOrigin returns the place that sets a field of e's i-th waiver, or the
// whole waiver for the field "".
func (e *Environment) WaiverOrigin(i int, field string) Origin {
	if origins := e.Waivers[i].origins; origins != nil {
		return origins[field]
	}
	v, nth := e.Value, i
	if team := e.Waivers[i].Team; team != "" {
		v = e.teamValue(team)
		nth -= slices.IndexFunc(e.Waivers, func(w Waiver) bool { return w.Team == team })
	}
	path := []cue.Selector{cue.Str("waivers"), cue.Index(nth)}
	if field != "" {
		path = append(path, cue.Str(field))
	}
	if origins := Origins(v.LookupPath(cue.MakePath(path...))); len(origins) > 0 {
		return origins[0]
	}
	return Origin{}
}
