package check

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// Order reports environments that no promotion can reach in the order in which they
// say they are promoted: from one that does not exist, or in a circle. names are all
// environments that there are, those that are invalid included.
func Order(envs []*environment.Environment, names []string) finding.List {
	from := map[string]string{}
	for _, env := range envs {
		from[env.Name] = env.Delivery.PromotedFrom
	}
	var findings finding.List
	for _, env := range envs {
		before := env.Delivery.PromotedFrom
		if before == "" {
			continue
		}
		if !slices.Contains(names, before) {
			f := orderFinding(env, fmt.Sprintf("%s is promoted from %s, and there is no such environment", env.Name, before))
			others := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == env.Name })
			f.Allowed = strings.Join(others, ", ")
			f.Help = finding.DidYouMean(before, others)
			findings = append(findings, f)
			continue
		}
		if way := circle(from, env.Name); way != nil {
			message := fmt.Sprintf("%s is promoted from itself", env.Name)
			if len(way) > 2 {
				message += ": " + strings.Join(way, " from ")
			}
			f := orderFinding(env, message)
			f.Help = "leave promotedFrom out in the environment that images are released to first"
			findings = append(findings, f)
		}
	}
	return findings
}

// circle returns the way from an environment back to itself, or nil.
func circle(from map[string]string, start string) []string {
	way := []string{start}
	for at := from[start]; at != "" && !slices.Contains(way[1:], at); at = from[at] {
		way = append(way, at)
		if at == start {
			return way
		}
	}
	return nil
}

func orderFinding(env *environment.Environment, message string) finding.Finding {
	const path = "delivery.promotedFrom"
	f := finding.Finding{
		Rule: "promotion-order", Severity: finding.Error, Message: message, Environment: env.Name, Value: path,
		Position: finding.Position{File: env.Dir()},
	}
	if origins := environment.Origins(env.Value.LookupPath(cue.ParsePath(path))); len(origins) > 0 {
		f.Position, f.Width = origins[0].Label, origins[0].Width
	}
	return f
}
