package diff

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// marker is a secret by its looks.
const marker = "glpat-Marker0fASecret4Tests"

// TestNoSecretGetsOut puts a secret into every place of every kind that takes a
// text, and looks for it in the report.
func TestNoSecretGetsOut(t *testing.T) {
	api, err := kubernetes.Open("1.33")
	if err != nil {
		t.Fatal(err)
	}
	places := 0
	var before, after []manifest.Object
	for i, kind := range kinds {
		apiVersion, name, _ := strings.Cut(kind, " ")
		for state, objects := range map[string]*[]manifest.Object{"1": &before, "2": &after} {
			data := fieldsOf(planted(rootOf(api, apiVersion, name, ""), 0, marker+state, &places))
			data["apiVersion"], data["kind"] = apiVersion, name
			o := manifest.Object{APIVersion: apiVersion, Kind: name, Name: fmt.Sprintf("%s-%d", marker, i), Namespace: marker, Data: data}
			*objects = append(*objects, o)
			// And under a name of its own, so that whole objects come and go too.
			alone := o
			alone.Name = fmt.Sprintf("%s-%s-%d", marker, state, i)
			*objects = append(*objects, alone)
		}
	}
	if places < 1000 {
		t.Fatalf("the secret was planted in %d places only", places)
	}
	report := encoded(t, before, after)
	for at := strings.Index(report, "Marker0f"); at >= 0; {
		t.Fatalf("the secret is in the report: …%s…", report[max(0, at-200):min(len(report), at+60)])
	}
}

// planted returns a value of a place with a text at every place below.
func planted(p *place, depth int, text string, places *int) any {
	switch {
	case depth > 8:
		return nil
	case p.t.JSON() == "object" && len(p.t.Fields()) > 0:
		object := map[string]any{}
		for _, name := range p.t.Fields() {
			if v := planted(p.field(name), depth+1, text, places); v != nil {
				object[name] = v
			}
		}
		return object
	case p.t.JSON() == "object":
		*places++
		return map[string]any{"key": text, text: "value", "list": []any{text}}
	case p.t.JSON() == "array":
		return []any{planted(p.item(), depth+1, text, places), planted(p.item(), depth+1, text+"b", places)}
	case p.t.JSON() == "boolean":
		return true
	case p.t.JSON() == "integer":
		return json.Number("3")
	}
	*places++
	return text
}

func encoded(t *testing.T, before, after []manifest.Object) string {
	t.Helper()
	report, err := Compare(sideOf(before), sideOf(after), Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSecretsByName hides what only its name gives away: the secret is a word.
func TestSecretsByName(t *testing.T) {
	for name, text := range map[string]string{
		"secret":           "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {user: XYZZY}\nstringData: {any: XYZZY}",
		"variable":         pod("env: [{name: DB_PASSWORD, value: XYZZY}]"),
		"option":           pod("args: [--db-password=XYZZY]"),
		"option and value": pod("args: [--db-password, XYZZY]"),
		"assignment":       pod("command: [sh, -c, 'PGPASSWORD=XYZZY psql']"),
		"script":           pod("command: [sh, -c, \"set -e\\nexport PGPASSWORD=XYZZY\\npsql\\n\"]"),
		"url":              pod("env: [{name: DATABASE, value: 'postgres://web:XYZZY@db/web'}]"),
		"dsn":              pod("env: [{name: DATABASE, value: 'host=db password=XYZZY'}]"),
		"query":            pod("env: [{name: HOOK, value: 'https://a.example/?id=1&token=XYZZY'}]"),
		"header":           pod("livenessProbe: {httpGet: {port: 80, httpHeaders: [{name: Authorization, value: XYZZY}]}}"),
		"annotation":       "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {example.com/api-token: XYZZY}}",
		"last applied":     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{\"data\":{\"a\":\"XYZZY\"}}'}}",
		"entry":            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {SESSION_SECRET: XYZZY}",
		"file":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  app.yaml: |\n    user: web\n    password: XYZZY\n    port: 80\n",
		"file, below":      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  app.yaml: |\n    password:\n      XYZZY\n    port: 80\n",
		"json":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {app.json: '{\"db\":{\"password\":\"XYZZY\"}}'}",
		"template":         "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec: {target: {template: {data: {password: XYZZY}}}}",
		"unknown kind":     "apiVersion: example.com/v1\nkind: Shop\nmetadata: {name: a}\nspec: {admin: {password: XYZZY}, tokens: [{name: token, value: XYZZY}]}",
		"below a name":     "apiVersion: example.com/v1\nkind: Shop\nmetadata: {name: a}\nspec: {credentials: {admin: XYZZY}}",
	} {
		t.Run(name, func(t *testing.T) {
			objects := func(secret string) []manifest.Object { return parse(t, strings.ReplaceAll(text, "XYZZY", secret)) }
			for _, report := range []string{
				encoded(t, objects("swordfish"), objects("plughmagic")), encoded(t, nil, objects("swordfish")), encoded(t, objects("swordfish"), nil),
			} {
				if strings.Contains(report, "swordfish") || strings.Contains(report, "plughmagic") {
					t.Errorf("the secret is in the report: %s", report)
				}
			}
			if report := encoded(t, objects("swordfish"), objects("plughmagic")); !strings.Contains(report, changedText) {
				t.Errorf("the report doesn't say that it changed: %s", report)
			}
			if report := encoded(t, objects("swordfish"), objects("swordfish")); strings.Contains(report, `"before"`) {
				t.Errorf("the same is reported as changed: %s", report)
			}
		})
	}
}

func pod(container string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a, " + container + "}]}"
}

// TestShownAllTheSame keeps what is about a secret and none.
func TestShownAllTheSame(t *testing.T) {
	for _, text := range []string{
		"apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec: {data: [{secretKey: password, remoteRef: {key: XYZZY, property: url}}]}",
		"apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec: {data: [{secretKey: XYZZY, remoteRef: {key: web, property: password}}]}",
		pod("env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: XYZZY, key: password}}}]"),
		pod("env: [{name: PASSWORD_FILE, value: /run/XYZZY}]"),
		strings.Replace(pod("env: []"), "image: a", "image: 'registry/XYZZY:1@sha256:49d5c577f2810d67653c0031933534b8ce82dffe4676bd0222af797d379fc9fd'", 1),
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  app.yaml: |\n    password: hush\n    user: XYZZY\n",
	} {
		if report := encoded(t, parse(t, strings.ReplaceAll(text, "XYZZY", "one")), parse(t, strings.ReplaceAll(text, "XYZZY", "two"))); !strings.Contains(report, "two") {
			t.Errorf("%s\nis hidden: %s", text, report)
		}
	}
}
