package diff

import (
	"sync"

	"gitlab.com/towpath/towpath/gen/policy"
)

// What policy says of a name or a text, it says by looking for words and patterns.
// The objects of a repository repeat the same few, so the answers are remembered.

// question is what policy was asked; text is empty if only the name matters.
type question struct{ name, text string }

// longestText is the length, in bytes, up to which a text is remembered.
const longestText = 200

// mostAnswers bounds what is remembered.
const mostAnswers = 100_000

type answers struct {
	mu    sync.RWMutex
	known map[question]bool
}

func (a *answers) ask(q question, find func() bool) bool {
	a.mu.RLock()
	answer, ok := a.known[q]
	a.mu.RUnlock()
	if ok {
		return answer
	}
	answer = find()
	if len(q.name)+len(q.text) > longestText {
		return answer
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil || len(a.known) == mostAnswers {
		a.known = map[question]bool{}
	}
	a.known[q] = answer
	return answer
}

var secretNames, secretLooks answers

// hasSecretName is [policy.HasSecretName].
func hasSecretName(name, value string) bool {
	// Whatever the value, the name has to be one of a secret.
	named := secretNames.ask(question{name: name}, func() bool { return policy.HasSecretName(name, "x") })
	return named && policy.HasSecretName(name, value)
}

// looksSecret is [policy.LooksSecret].
func looksSecret(name, text string) bool {
	return secretLooks.ask(question{name, text}, func() bool { return policy.LooksSecret(name, text) })
}
