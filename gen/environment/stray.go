package environment

import (
	"cuelang.org/go/cue"
)

// findStray appends a finding for every key that stands directly in the values of a
// release and is none of the chart's.
//
// The values are closed, as the chart's type is, but they get their type by the chart's
// name, and then CUE does not always see it: whether it does depends on what else the
// contract says of releases, and on which file has the key. Deeper down it does. So
// the keys are held against the type by itself, which the contract has at hand.
func (d *diagnosis) findStray(v cue.Value, mine func(release string) bool) {
	releases, err := v.LookupPath(cue.ParsePath("releases")).Fields()
	if err != nil {
		return
	}
	for releases.Next() {
		name := releases.Selector().Unquoted()
		kind := releases.Value().LookupPath(cue.MakePath(cue.Hid("_type", contractPackage)))
		if !kind.Exists() || !mine(name) {
			continue
		}
		values := releases.Value().LookupPath(cue.ParsePath("values"))
		fields, err := values.Fields()
		if err != nil {
			continue
		}
		for fields.Next() {
			if !kind.Allows(fields.Selector()) {
				d.findUnknown(values, cue.MakePath(cue.Str("releases"), cue.Str(name), cue.Str("values")))
				break
			}
		}
	}
}
