package policy

// resources makes a rule that containers state amounts of resources: bounds are
// requests, limits, or both.
func resources(names, bounds []string, help string) func(*Release) []Violation {
	return eachContainer(func(c container) []Violation {
		if c.list == "ephemeralContainers" {
			return nil // They run on what the pod has, and may not ask for more.
		}
		var found []Violation
		for _, bound := range bounds {
			for _, name := range names {
				at := c.at("resources", bound, name)
				ofPod := c.pod.spec.at("resources", bound, name)
				// A limit stands in for a request that is missing.
				if bound == "requests" && !at.exists() && c.at("resources", "limits", name).exists() {
					continue
				}
				if !positive(at) && !positive(ofPod) {
					found = append(found, at.blame(help, "container %q states no %s for %s", c.name(), singular(bound), name))
				}
			}
		}
		return found
	})
}

func singular(bound string) string { return bound[:len(bound)-1] }

// positive reports whether the amount is there and not zero, which means none.
func positive(f field) bool {
	amount, ok := f.quantity()
	return ok && amount.Sign() > 0
}
