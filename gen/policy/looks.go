package policy

import "strings"

// HasSecretName reports whether a value is a secret by the name that somebody gave
// it. It is stricter than the rule, since what is hidden for nothing does less harm
// than what is shown: PGPASSWORD is one word, and a secret.
func HasSecretName(name, value string) bool {
	if !isLiteral(value) {
		return false
	}
	joined := strings.ReplaceAll(words(name), " ", "")
	return saysSecret(name, inText) ||
		(strings.HasSuffix(joined, "password") || strings.HasSuffix(joined, "passwd")) && !strings.Contains(words(name), " ")
}

// LooksSecret reports whether a text is a secret by its looks: it holds a known
// token or a URL with a password, or is as random as a key under a name that does
// not say that this is as it should be.
func LooksSecret(name, text string) bool {
	return knownToken(text) != "" || !saysPublic(name) && looksRandom(text)
}

// SecretSetting returns the name and the value of a line of a configuration file
// whose name is one of a secret. The value is empty where it follows on lines of
// its own.
func SecretSetting(text string) (name, value string, ok bool) {
	m := line().FindStringSubmatch(strings.TrimRight(text, "\r\n"))
	if m == nil || !saysSecret(m[1], inText) {
		return "", "", false
	}
	value = strings.Trim(m[2], `"'`)
	switch value {
	case "", "|", ">", "|-", ">-", "|+", ">+", "{", "[":
		return m[1], "", true
	}
	return m[1], value, isLiteral(value)
}
