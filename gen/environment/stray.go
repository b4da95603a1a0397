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
//
// It returns the keys of each release's values.
func (d *diagnosis) findStray(v cue.Value, mine func(release string) bool) map[string][]key {
	releases, err := v.LookupPath(releasesPath).Fields()
	if err != nil {
		return nil
	}
	found := map[string][]key{}
	known := map[[2]string]bool{} // Keys that a chart has.
	for releases.Next() {
		name := releases.Selector().Unquoted()
		kind := releases.Value().LookupPath(typePath)
		if !kind.Exists() || !mine(name) {
			continue
		}
		values := releases.Value().LookupPath(valuesPath)
		fields, err := values.Fields()
		if err != nil {
			continue
		}
		chart, err := releases.Value().LookupPath(chartPath).String()
		if err != nil {
			continue
		}
		keys := keysOf(fields)
		found[name] = keys
		for _, k := range keys {
			of := [2]string{chart, k.name}
			if !known[of] && !kind.Allows(cue.Str(k.name)) {
				d.findUnknown(values, cue.MakePath(cue.Str("releases"), cue.Str(name), cue.Str("values")))
				break
			}
			known[of] = true
		}
	}
	return found
}
