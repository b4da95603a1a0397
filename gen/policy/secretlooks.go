package policy

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// lazily compiles an expression when it is first needed. Together they would take
// half a millisecond at the start of every command.
func lazily(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// secretWords end the names of secrets, as last words: DB_PASSWORD is one, and
// PASSWORD_FILE and TOKEN_TTL are not.
var secretWords = []string{
	"password", "passwd", "pwd", "passphrase", "secret", "token", "credential", "credentials", "bearer", "pat",
	"api key", "apikey", "access key", "secret key", "private key", "signing key", "encryption key", "account key",
	"shared key", "auth key", "master key",
}

// aboutSecrets come before the last words of names that are about a secret and
// don't hold it: tlsSecret names one, and requirePassword switches one on.
var aboutSecrets = []string{
	"existing", "tls", "pull", "image", "cert", "external", "public", "no", "require", "allow", "allow empty", "use", "with", "max", "min",
}

// words splits a name at dots, dashes, underscores and capitals.
func words(name string) string {
	var text strings.Builder
	runes := []rune(name)
	for i, c := range runes {
		switch {
		case c == '_' || c == '-' || c == '.' || c == '/' || c == ' ':
			text.WriteRune(' ')
			continue
		case i > 0 && unicode.IsUpper(c) && unicode.IsLower(runes[i-1]):
			text.WriteRune(' ')
		}
		text.WriteRune(unicode.ToLower(c))
	}
	return strings.Join(strings.Fields(strings.TrimRight(text.String(), "0123456789 ")), " ")
}

// saysSecret reports whether a name is one of a secret.
func saysSecret(name string, in setting) bool {
	name = words(name)
	if in == inAnnotation && strings.HasSuffix(name, "secret") {
		return false // It names a Secret.
	}
	for _, ending := range secretWords {
		before, found := strings.CutSuffix(name, ending)
		if found && before == "" {
			return true
		}
		if before, found = strings.CutSuffix(before, " "); found {
			return !slices.ContainsFunc(aboutSecrets, func(about string) bool {
				return before == about || strings.HasSuffix(before, " "+about)
			})
		}
	}
	return false
}

// saysPublic reports whether a name says that its value is random and no secret.
func saysPublic(name string) bool {
	parts := strings.Fields(words(name))
	return slices.ContainsFunc(parts, func(part string) bool {
		switch part {
		case "public", "pub", "fingerprint", "digest", "checksum", "hash", "sha", "commit", "revision", "etag", "nonce", "uid", "uuid", "id":
			return true
		}
		return strings.HasPrefix(part, "sha") && strings.Trim(part[3:], "0123456789") == ""
	})
}

var notLiteral = lazily(`^(?:` +
	`\$.*|.*\$[({].*|.*\{\{.*|<.*>|%.*%|` + // filled in by something else
	`/.*|\./.*|(?:file|vault|env|ref|secret|awssm|gcpsm)[:+].*|` + // the place of a secret
	`(?i:true|false|yes|no|on|off|null|none|nil|~|disabled|enabled|required|optional)|` +
	`[|>][+-]?|[*x]{3,}|\{|\[|\{\}|\[\]|` + // the start of a block, a mask
	`)$`)

// isLiteral reports whether a value stands for itself, and not for a place, a
// variable or a switch.
func isLiteral(value string) bool {
	return !notLiteral().MatchString(strings.TrimSpace(value))
}

// knownTokens are secrets that say what they are. A text without any of the
// hints, as nearly all are, needs no look at the shape.
var knownTokens = []struct {
	what  string
	hints []string
	shape func() *regexp.Regexp
}{
	{"a private key", []string{"PRIVATE KEY"}, lazily(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----`)},
	{"an AWS access key", []string{"AKIA", "ASIA"}, lazily(`\b(?:AKIA|ASIA)[A-Z2-7]{16}\b`)},
	{"a GitLab token", []string{"glpat-", "gloas-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "glsoat-"}, lazily(`\bgl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat)-[A-Za-z0-9_-]{20,}`)},
	{"a GitHub token", []string{"gho_", "ghp_", "ghu_", "ghs_", "ghr_", "github_pat_"}, lazily(`\b(?:gh[opusr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})`)},
	{"a Slack token", []string{"xox"}, lazily(`\bxox[abeoprs]-[A-Za-z0-9-]{10,}`)},
	{"a Slack webhook", []string{"hooks.slack.com"}, lazily(`hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]+`)},
	{"a Stripe key", []string{"k_live_"}, lazily(`\b[rs]k_live_[A-Za-z0-9]{16,}`)},
	{"a Google API key", []string{"AIza"}, lazily(`\bAIza[A-Za-z0-9_-]{35}\b`)},
	{"a Vault token", []string{"hvs.", "hvb.", "hvr."}, lazily(`\bhv[sbr]\.[A-Za-z0-9_-]{24,}`)},
	{"an npm token", []string{"npm_"}, lazily(`\bnpm_[A-Za-z0-9]{36}\b`)},
	{"an age key", []string{"AGE-SECRET-KEY-"}, lazily(`AGE-SECRET-KEY-1[A-Z0-9]{50,}`)},
	{"a JSON Web Token", []string{"eyJ"}, lazily(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}`)},
}

// passwordInURL finds the password of a URL.
var passwordInURL = lazily(`[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"']*:([^\s/@"']+)@`)

// knownToken returns what secret a text holds, or "".
func knownToken(text string) string {
	if len(text) < 8 {
		return ""
	}
	for _, token := range knownTokens {
		hinted := slices.ContainsFunc(token.hints, func(hint string) bool { return strings.Contains(text, hint) })
		if hinted && token.shape().MatchString(text) {
			return token.what
		}
	}
	if !strings.Contains(text, "://") || !strings.Contains(text, "@") {
		return ""
	}
	for _, m := range passwordInURL().FindAllStringSubmatch(text, -1) {
		if isLiteral(m[1]) {
			return "a URL with a password"
		}
	}
	return ""
}

// published is what looks random and is meant to be seen: certificates and public
// keys, digests, SSH keys, embedded files.
var published = lazily(`(?s)-----BEGIN (?:CERTIFICATE|PUBLIC KEY|X509 CRL|PGP PUBLIC KEY BLOCK|PGP SIGNATURE)-----.*?-----END [A-Z0-9 ]+-----` +
	`|\bsha(?:1|224|256|384|512)[-:=][A-Za-z0-9+/=_-]+` +
	`|\bh1:[A-Za-z0-9+/=]+` +
	`|\b(?:ssh-[a-z0-9]+|ecdsa-[a-z0-9-]+) [A-Za-z0-9+/=]+` +
	`|\bdata:[a-z0-9/+.-]+;base64,[A-Za-z0-9+/=]+`)

// looksRandom reports whether a text holds what only a generator writes: at least
// 20 signs, capitals, small letters and digits, in no order. Digests and other
// hexadecimal numbers have no capitals beside small letters, and words have
// few changes between them.
func looksRandom(text string) bool {
	// Few texts hold a candidate, so that taking out what is public can wait.
	return hasRandomRun(text) && hasRandomRun(published().ReplaceAllString(text, " "))
}

// hasRandomRun looks at each run of the signs that keys are written in.
func hasRandomRun(text string) bool {
	start := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && (classOf(text[i]) > 0 || text[i] == '-' || text[i] == '_') {
			continue
		}
		if i-start >= 20 && isRandom(text[start:i]) {
			return true
		}
		start = i + 1
	}
	return false
}

// classOf tells small letters, capitals and digits from the rest, which is 0.
func classOf(c byte) int {
	switch {
	case c >= 'a' && c <= 'z':
		return 1
	case c >= 'A' && c <= 'Z':
		return 2
	case c >= '0' && c <= '9':
		return 3
	default:
		return 0
	}
}

func isRandom(run string) bool {
	var classes [4]int
	var counts [256]int
	changes := 0
	for i := range len(run) {
		classes[classOf(run[i])]++
		counts[run[i]]++
		if i > 0 && classOf(run[i]) != classOf(run[i-1]) {
			changes++
		}
	}
	if classes[1] < 3 || classes[2] < 3 || classes[3] < 1 || classes[0] > len(run)/5 {
		return false
	}
	entropy := 0.0
	for _, n := range counts {
		if n == 0 {
			continue
		}
		p := float64(n) / float64(len(run))
		entropy -= p * math.Log2(p)
	}
	return entropy > 3.5 && float64(changes) > 0.42*float64(len(run)-1)
}
