package policy

import "strconv"

// lowestUser is the first user and group id that no node is likely to use
// itself: distributions number their own accounts well below it.
const lowestUser = 10000

func writableRoot(c container) []Violation {
	if at := c.at("securityContext", "readOnlyRootFilesystem"); !at.is(true) {
		return []Violation{at.blame("set readOnlyRootFilesystem: true, and mount an emptyDir where the program writes",
			"container %q may write to its image's file system", c.name())}
	}
	return nil
}

func lowUserID(c container) []Violation {
	var found []Violation
	for _, name := range []string{"runAsUser", "runAsGroup"} {
		at := c.security(name)
		id, given := at.number()
		if given && id >= lowestUser {
			continue
		}
		state := "does not say its " + name
		if given {
			state = "has the " + name + " " + strconv.Itoa(id)
		}
		found = append(found, at.blame("set "+name+" to "+strconv.Itoa(lowestUser)+" or more, which no account of a node has",
			"container %q %s", c.name(), state))
	}
	return found
}

func duplicateEnv(c container) []Violation {
	var found []Violation
	seen := map[string]bool{}
	for _, variable := range c.at("env").list() {
		name := variable.at("name").text()
		if seen[name] && name != "" {
			found = append(found, variable.at("name").blame("remove one of them",
				"container %q sets the variable %s twice; the last one counts", c.name(), name))
		}
		seen[name] = true
	}
	return found
}

func sshPort(c container) []Violation {
	var found []Violation
	for _, port := range c.at("ports").list() {
		at := port.at("containerPort")
		if number, _ := at.number(); number == 22 {
			found = append(found, at.blame("use kubectl exec or kubectl debug, which the cluster authorises and records",
				"container %q listens on port 22, where SSH is", c.name()))
		}
	}
	return found
}
