package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestInlineSecret holds values against the rule in the places where they can be.
// The values are made up for the test, and put together here so that no scanner
// takes this file for a leak.
func TestInlineSecret(t *testing.T) {
	random := "q7Zt0Xv4Lm9" + "sKp2Wd8Rb5Yh"
	for _, tt := range []struct {
		name, key, value string
		secret           bool
	}{
		{"a password by its name", "DB_PASSWORD", "hunter2", true},
		{"in small letters", "db.password", "hunter2", true},
		{"in capitals within", "databasePassword", "hunter2", true},
		{"a numbered one", "PASSWORD_2", "hunter2", true},
		{"an API key", "WEATHER_API_KEY", "0123", true},
		{"an access key", "AWS_SECRET_ACCESS_KEY", "x", true},
		{"a client secret", "oidcClientSecret", "x", true},
		{"where it lies", "DB_PASSWORD", "/run/secrets/db", false},
		{"a file by its name", "DB_PASSWORD_FILE", "secrets/db", false},
		{"how long it lives", "TOKEN_TTL", "15m", false},
		{"how long it is", "PASSWORD_MIN_LENGTH", "12", false},
		{"whether one is needed", "REQUIRE_TOKEN", "true", false},
		{"a switch", "ALLOW_EMPTY_PASSWORD", "please", false},
		{"the name of a Secret", "tlsSecret", "web-tls", false},
		{"filled in by the kubelet", "DB_PASSWORD", "$(PASSWORD)", false},
		{"filled in by a template", "DB_PASSWORD", "{{ .password }}", false},
		{"nothing", "DB_PASSWORD", "", false},
		{"a mask", "DB_PASSWORD", "****", false},
		{"a word that ends like one", "BYPASSWORDS", "x", false},
		{"a key that is none", "CACHE_KEY", "users", false},
		{"as random as a key", "SESSION", random, true},
		{"random within a text", "OPTIONS", "mode=fast id=" + random, true},
		{"random and public", "PUBLIC_KEY", random, false},
		{"a URL with a password", "DATABASE_URL", "postgres://app:" + "hunter2@db:5432/app", true},
		{"a URL with a user", "DATABASE_URL", "postgres://app@db:5432/app", false},
		{"a URL with a place for a password", "DATABASE_URL", "postgres://app:$(PASSWORD)@db/app", false},
		{"a URL with a port and an address", "MAIL", "see https://web.example:8080/contact or me@web.example", false},
		{"a digest", "IMAGE", "sha256:" + strings.Repeat("9c5955fc99a60b8f", 4), false},
		{"a commit", "COMMIT", "444142d0a9b8c7d6e5f40312345678909876abcd", false},
		{"a hash in base64", "INTEGRITY", "sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC", false},
		{"a UUID", "CLUSTER", "8f14e45f-ceea-467f-9c5d-1a2b3c4d5e6f", false},
		{"words with capitals", "CLASS", "HorizontalPodAutoscalerV2BehaviorScalingRules", false},
		{"a constant", "MODE", "READ_COMMITTED_SNAPSHOT_ISOLATION_2", false},
		{"a host", "HOST", "web-7d9f8b6c5d-x2k4p.towpath-prod.svc.cluster.local", false},
		{"an expression", "QUERY", `histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{job="web"}[5m])))`, false},
		{"a certificate", "ca.crt", "-----BEGIN CERTIFICATE-----\n" + strings.Repeat("MIIB"+random+"\n", 8) + "-----END CERTIFICATE-----\n", false},
		{"a private key", "tls", "-----BEGIN EC " + "PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----\n", true},
		{"an SSH key for others", "known_hosts", "gitlab.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf", false},
		{"a GitLab token", "X", "glpat-" + "abcdefghij0123456789", true},
		{"a GitHub token", "X", "ghp_" + strings.Repeat("abcdef", 6), true},
		{"an AWS key", "X", "AKIA" + "IOSFODNN7EXAMPLE", true},
		{"a JSON Web Token", "X", "eyJhbGciOiJI.eyJzdWIiOiIx." + "c2lnbmF0dXJl", true},
		{"a setting in a file", "app.yaml", "server:\n  port: 80\n  adminPassword: hunter2 # change me\n", true},
		{"a setting in JSON", "app.json", "{\n  \"client_secret\": \"hunter2\",\n  \"port\": 80\n}\n", true},
		{"a setting in an INI file", "app.ini", "[db]\npassword = hunter2\n", true},
		{"a setting that refers", "app.yaml", "adminPassword: ${ADMIN_PASSWORD}\ntokenFile: /run/token\nsecret:\n  name: x\n", false},
	} {
		places := map[string]string{
			"ConfigMap": fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {%q: %q}\n", tt.key, tt.value),
		}
		if !strings.Contains(tt.value, "\n") {
			places["variable"] = podOf(fmt.Sprintf("containers: [{name: a, image: i, env: [{name: %q, value: %q}]}]", tt.key, tt.value))
			flag := "--" + strings.ReplaceAll(words(tt.key), " ", "-")
			places["argument"] = podOf(fmt.Sprintf("containers: [{name: a, image: i, args: [serve, %q]}]", flag+"="+tt.value))
			if tt.value != "" {
				places["argument after its name"] = podOf(fmt.Sprintf("containers: [{name: a, image: i, args: [%q, %q]}]", flag, tt.value))
			}
		}
		for place, text := range places {
			if place != "ConfigMap" && place != "variable" && slices.Contains([]string{"a numbered one", "random and public"}, tt.name) {
				continue // Flags have no numbers, and their names are looked at for secrets only.
			}
			found := judgeOne("inline-secret", example(t, text))
			if (len(found) > 0) != tt.secret {
				t.Errorf("%s as %s: found %v", tt.name, place, found)
			}
			if len(found) > 1 {
				t.Errorf("%s as %s is reported %d times: %v", tt.name, place, len(found), found)
			}
			for _, v := range found {
				if tt.value != "x" && tt.value != "0123" && strings.Contains(v.Message+v.Help, tt.value) || strings.Contains(v.Message+v.Help, "hunter2") {
					t.Errorf("%s as %s: the message repeats the secret: %s", tt.name, place, v.Message)
				}
			}
		}
	}
}

func TestInlineSecretElsewhere(t *testing.T) {
	run(t, []ruleTest{
		{"the content of a Secret", "inline-secret", "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {user: YXBw}\nstringData: {url: x}\n",
			[]string{"db data.user: Secret/db carries its content (user)", "db stringData.url: "}},
		{"a Secret to be filled", "inline-secret", "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ntype: Opaque\n", nil},
		{"a reference", "inline-secret", podOf("containers: [{name: a, image: i, env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}]}]"), nil},
		{"an annotation that names a Secret", "inline-secret",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, annotations: {nginx.ingress.kubernetes.io/auth-secret: basic-auth}}\n", nil},
		{"an annotation with a password", "inline-secret",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, annotations: {example.org/password: hunter2}}\n", []string{"web metadata.annotations.example.org/password: "}},
		{"an annotation of the pods", "inline-secret", strings.Replace(deploymentOf("", plain), "metadata: {labels: {app: web}}",
			"metadata: {labels: {app: web}, annotations: {token: hunter2}}", 1), []string{"web spec.template.metadata.annotations.token: "}},
		{"a token in any kind", "inline-secret", networkPolicy("{podSelector: {matchLabels: {a: glpat-" + "abcdefghij0123456789}}}"),
			[]string{"web spec.podSelector.matchLabels.a: "}},
		{"a Secret that is composed", "inline-secret", "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: web}\n" +
			"spec: {target: {template: {data: {password: hunter2, token: '{{ .token }}'}}}}\n", []string{"web spec.target.template.data.password: "}},
		{"two settings of one file", "inline-secret", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata:\n  app.ini: |\n    password=a1\n    token=b2\n",
			[]string{"web data.app.ini: the setting password", "web data.app.ini: the setting token"}},
	})
}
