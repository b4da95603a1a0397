package blame

import (
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/gen/finding"
)

func TestLine(t *testing.T) {
	template := `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  {{- if .Values.x }}
  replicas: 3
  {{- end }}
  template:
    metadata:
      name: inner
    spec:
      initContainers:
        - name: init
          image: a
      containers:
        - name: main
          image: b
          "ports":
          - containerPort: 80
        - image: c
          name: other
      volumes: []
`
	tests := []struct {
		path string
		want finding.Position
	}{
		{"kind", finding.Position{Line: 2, Column: 1}},
		{"metadata.name", finding.Position{Line: 4, Column: 3}},
		{"spec.replicas", finding.Position{Line: 7, Column: 3}},
		{"spec.template.metadata.name", finding.Position{Line: 11, Column: 7}},
		{"spec.template.spec.containers.0.image", finding.Position{Line: 18, Column: 11}},
		{"spec.template.spec.containers.0.ports.0.containerPort", finding.Position{Line: 20, Column: 13}},
		{"spec.template.spec.containers.1.image", finding.Position{Line: 21, Column: 11}},
		// A range writes an element once.
		{"spec.template.spec.containers.7.image", finding.Position{Line: 21, Column: 11}},
		// What is not written is best looked for where it is missing.
		{"spec.template.spec.containers.0.resources", finding.Position{Line: 17, Column: 9}},
		{"spec.name", finding.Position{Line: 5, Column: 1}},
		{"spec.nowhere", finding.Position{Line: 5, Column: 1}},
		{"nowhere", finding.Position{}},
	}
	for _, tt := range tests {
		if got := Line(template, strings.Split(tt.path, ".")); got != tt.want {
			t.Errorf("%s: at %+v, want %+v", tt.path, got, tt.want)
		}
	}
}
