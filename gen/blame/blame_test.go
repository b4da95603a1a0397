package blame_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"

	"gitlab.com/towpath/towpath/gen/blame"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/manifest"
)

const contract = `
image: tag: *"" | string
image: digest: *"" | string
image: pull: [...string]
replicas: *1 | int
autoscaling: enabled: *false | bool
resources: limits: cpu: *"1" | string
resources: limits: memory: *"1Gi" | string
config: level: *"info" | string
config: drain: *5 | int
config: grace: *20 | int
ingress: enabled: *false | bool
ingress: hosts: [...string]
ingress: tls: enabled: *false | bool
ingress: class: *"nginx" | string
redis: size: *1 | int
`

const mine = `
image: tag: "1.2.3"
image: pull: [
	"one",
	"two",
]
replicas: 2
resources: limits: memory: "2Gi"
config: level: "debug"
ingress: {
	enabled: true
	hosts: ["a.example"]
}
`

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "name" . }}
  labels:
    {{- include "labels" . | nindent 4 }}
spec:
  {{- if not .Values.autoscaling.enabled }}
  replicas: {{ .Values.replicas }}
  {{- end }}
  {{- if .Values.ingress.enabled }}
  paused: true
  {{- end }}
  {{- /* The word
  minReadySeconds: stands here only. */}}
  template:
    spec:
      hostNetwork: true
      {{- with .Values.image.pull }}
      imagePullSecrets:
        {{- range . }}
        - name: {{ toYaml . }}
        {{- end }}
      {{- end }}
      terminationGracePeriodSeconds: {{ add .Values.config.drain .Values.config.grace }}
      containers:
        - name: main
          image: {{ include "image" . | quote }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
          env:
            - name: A
              value: {{ include "dict" (dict "top" $ "level" .Values.config.level) }}
---
apiVersion: v1
kind: ConfigMap
data:
  {{- include "data" . | nindent 2 }}
`

const ingress = `{{- with .Values.ingress }}
{{- if .enabled }}
apiVersion: networking.k8s.io/v1
kind: Ingress
spec:
  ingressClassName: {{ index $.Values "ingress" "class" }}
  {{- if .tls.enabled }}
  tls: []
  {{- end }}
  rules:
    {{- range $host := .hosts }}
    - host: {{ $host | quote }}
      http:
        paths: []
    {{- end }}
{{- end }}
{{- end }}
`

const helpers = `{{- define "name" }}{{ .Release.Name }}{{ end }}
{{- define "labels" }}
app: x
version: {{ include "version" . }}
{{- end }}
{{- define "version" -}}
{{- $digest := .Values.image.digest -}}
{{- $version := or .Values.image.tag $digest -}}
{{- $version | trunc 63 -}}
{{- end }}
{{- define "image" }}repo:{{ .Values.image.tag }}{{ with .Values.image.digest }}@{{ . }}{{ end }}{{ end }}
{{- define "data" -}}
LEVEL: {{ .Values.config.level | quote }}
{{- end }}
{{- define "dict" }}{{ .top.Values.replicas }}{{ .level }}{{ end }}
{{- define "loop" }}{{ include "loop" . }}{{ end }}
`

func TestField(t *testing.T) {
	repo := fstest.MapFS{
		"charts/web/templates/deployment.yaml":                 {Data: []byte(deployment)},
		"charts/web/templates/ingress.yaml":                    {Data: []byte(ingress)},
		"charts/web/templates/_helpers.tpl":                    {Data: []byte(helpers)},
		"charts/web/templates/broken.yaml":                     {Data: []byte("kind: X\n{{ if }}")},
		"charts/web/charts/redis/templates/pod.yaml":           {Data: []byte("kind: Pod\nspec:\n  size: {{ .Values.size }}\n")},
		"charts/web/charts/redis/crds/crd.yaml":                {Data: []byte("kind: CustomResourceDefinition\nspec:\n  group: a\n")},
		"charts/web/templates/loop.yaml":                       {Data: []byte("kind: Loop\nspec: {{ include \"loop\" . }}\n")},
		"charts/web/templates/whole.yaml":                      {Data: []byte("{{ include \"whole\" . }}\n")},
		"charts/web/charts/library/templates/_library_pod.tpl": {Data: []byte("{{ define \"whole\" }}\nkind: Whole\nspec:\n  n: {{ .Values.replicas }}\n{{ end }}")},
	}
	ctx := cuecontext.New()
	release := environment.Release{Values: ctx.CompileString(contract, cue.Filename("envs/contract/web.cue")).
		Unify(ctx.CompileString(mine, cue.Filename("envs/prod/env.cue")))}
	if err := release.Values.Validate(cue.Concrete(true)); err != nil {
		t.Fatal(err)
	}
	const d, i = "templates/deployment.yaml", "templates/ingress.yaml"
	tests := []struct {
		name, template, kind, path string
		found                      any
		want                       string
		notes                      string
	}{
		{"a value", d, "Deployment", "spec.replicas", 2, "envs/prod/env.cue:7:1", "charts/web/templates/deployment.yaml:9:3"},
		{"a default", d, "Deployment", "spec.template.spec.terminationGracePeriodSeconds", 25, "envs/contract/web.cue:10:9",
			"charts/web/templates/deployment.yaml:25:7 envs/contract/web.cue:11:9"},
		{"no value", d, "Deployment", "metadata.name", "x", "charts/web/templates/deployment.yaml:4:3", ""},
		{"a text", d, "Deployment", "spec.template.spec.hostNetwork", true, "charts/web/templates/deployment.yaml:18:7", ""},
		{"a text in a condition", d, "Deployment", "spec.paused", true, "envs/prod/env.cue:11:2", "charts/web/templates/deployment.yaml:12:3"},
		{"a comment", d, "Deployment", "spec.minReadySeconds", nil, "charts/web/templates/deployment.yaml:7:1", ""},
		{"an include", d, "Deployment", "spec.template.spec.containers.0.image", "repo:1.2.3", "envs/prod/env.cue:2:8",
			"charts/web/templates/deployment.yaml:28:11 envs/contract/web.cue:3:8"},
		{"below toYaml", d, "Deployment", "spec.template.spec.containers.0.resources.limits.memory", "2Gi", "envs/prod/env.cue:8:20",
			"charts/web/templates/deployment.yaml:29:11"},
		{"missing below toYaml", d, "Deployment", "spec.template.spec.containers.0.resources.limits.disk", nil, "envs/prod/env.cue:8:12",
			"charts/web/templates/deployment.yaml:29:11"},
		{"below an include", d, "Deployment", "metadata.labels.version", "1.2.3", "envs/prod/env.cue:2:8",
			"charts/web/templates/_helpers.tpl:4:1 envs/contract/web.cue:3:8"},
		{"a text below an include", d, "Deployment", "metadata.labels.app", "x", "charts/web/templates/_helpers.tpl:3:1", ""},
		{"missing below an include", d, "Deployment", "metadata.labels.owner", nil, "charts/web/templates/deployment.yaml:5:3", ""},
		{"an element of a list", d, "Deployment", "spec.template.spec.imagePullSecrets.1.name", "two", "envs/prod/env.cue:5:2",
			"charts/web/templates/deployment.yaml:22:11"},
		{"a list", d, "Deployment", "spec.template.spec.imagePullSecrets", []any{"one"}, "envs/prod/env.cue:3:8",
			"charts/web/templates/deployment.yaml:20:7"},
		{"a dict", d, "Deployment", "spec.template.spec.containers.0.env.0.value", "2debug", "envs/prod/env.cue:7:1",
			"charts/web/templates/deployment.yaml:33:15 envs/prod/env.cue:9:9"},
		{"the second document", d, "ConfigMap", "data.LEVEL", "debug", "envs/prod/env.cue:9:9", "charts/web/templates/_helpers.tpl:13:1"},
		{"missing, in a condition", i, "Ingress", "spec.tls", nil, "envs/contract/web.cue:14:15", "charts/web/templates/ingress.yaml:8:3"},
		{"a text of a conditional object", i, "Ingress", "spec.rules.0.http", nil, "envs/prod/env.cue:12:2", "charts/web/templates/ingress.yaml:13:7"},
		{"a conditional object", i, "Ingress", "", nil, "envs/prod/env.cue:11:2", "charts/web/templates/ingress.yaml:4:1"},
		{"index", i, "Ingress", "spec.ingressClassName", "nginx", "envs/contract/web.cue:15:10", "charts/web/templates/ingress.yaml:6:3"},
		{"a variable of a range", i, "Ingress", "spec.rules.0.host", "a.example", "envs/prod/env.cue:12:10", "charts/web/templates/ingress.yaml:12:7"},
		{"the object", d, "Deployment", "", nil, "charts/web/templates/deployment.yaml:2:1", ""},
		{"a chart within", "charts/redis/templates/pod.yaml", "Pod", "spec.size", 1, "envs/contract/web.cue:16:8", "charts/web/charts/redis/templates/pod.yaml:3:3"},
		{"a CRD", "charts/redis/crds/crd.yaml", "CustomResourceDefinition", "spec.group", "a", "charts/web/charts/redis/crds/crd.yaml:3:3", ""},
		{"a template that calls itself", "templates/loop.yaml", "Loop", "spec", nil, "charts/web/templates/loop.yaml:2:1", ""},
		{"an object from a library", "templates/whole.yaml", "Whole", "spec.n", 2, "envs/prod/env.cue:7:1", "charts/web/charts/library/templates/_library_pod.tpl:4:3"},
		{"a template that can't be parsed", "templates/broken.yaml", "X", "kind", "X", "charts/web/templates/broken.yaml:1:1", ""},
		{"a template that is gone", "templates/gone.yaml", "X", "kind", "X", "charts/web/templates/gone.yaml", ""},
	}
	finder := blame.New(repo)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var path []string
			if tt.path != "" {
				path = strings.Split(tt.path, ".")
			}
			o := manifest.Object{Template: "charts/web/" + tt.template, Kind: tt.kind, Data: object(path, tt.found).(map[string]any)}
			place := finder.Field(release, o, path)
			var notes []string
			for _, note := range place.Notes {
				notes = append(notes, note.Position.String())
			}
			if place.String() != tt.want || strings.Join(notes, " ") != tt.notes {
				t.Errorf("at %s, want %s; notes %q, want %q", place.Position, tt.want, notes, tt.notes)
			}
		})
	}
}

// object returns one that has a value at the path.
func object(path []string, found any) any {
	if len(path) == 0 {
		if found == nil {
			return map[string]any{}
		}
		return found
	}
	inner := object(path[1:], found)
	switch path[0] {
	case "0":
		return []any{inner}
	case "1":
		return []any{nil, inner}
	}
	if len(path) == 1 && found == nil {
		return map[string]any{}
	}
	return map[string]any{path[0]: inner}
}
