package intake

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
)

// NewEnvironment returns the env.cue of an environment that is not there yet, without
// releases. The namespace is the contract's if it is "". known are the environments
// that there are: one of production has the keys that another needs.
func NewEnvironment(name, namespace string, known []*environment.Environment) (environment.File, error) {
	tier := Tier(name)
	w := &writer{}
	fmt.Fprintf(w, "package %s\n\n%s\ncontract.#Environment & {\n\tname: %s\n\ttier: %s\n", packageName(name), contractImport, quote(name), quote(tier))
	if namespace != "" {
		fmt.Fprintf(w, "\tnamespace: %s\n", quote(namespace))
	}
	if tier == "production" {
		keys := keysOfProduction(known)
		if len(keys) == 0 {
			return environment.File{}, fmt.Errorf("the environment %s would be production, which needs an approval key, and there is none to take over: make envs/%s first, as docs/adopt.md says", name, name)
		}
		fmt.Fprintf(w, "\n\tdelivery: {\n\t\trevision: %s\n\t\tsignatureKeys: [%s]\n\t}\n", quote("refs/heads/env/"+name), strings.Join(keys, ", "))
	}
	w.WriteString("}\n")
	content, err := formatted(w.String())
	return environment.File{Path: path.Join(environment.Dir, name, "env.cue"), Content: content}, err
}

func keysOfProduction(known []*environment.Environment) []string {
	for _, env := range known {
		if env.Tier == "production" && len(env.Delivery.SignatureKeys) > 0 {
			var keys []string
			for _, key := range env.Delivery.SignatureKeys {
				keys = append(keys, quote(key))
			}
			return keys
		}
	}
	return nil
}

// Bare returns the file of a release that has no values of its own.
func Bare(env, team, chartName, release string) (environment.File, error) {
	content, err := environmentFile(Merged{Environment: Environment{Name: env}}, chartName, newTable(), Options{Release: release})
	return environment.File{Path: EnvironmentFile(env, team, release), Content: content}, err
}

// Stub returns a file of the contract that lets a chart have any values.
func Stub(name string) environment.File {
	return environment.File{
		Path:    path.Join(environment.Dir, "contract", name+"_stub.cue"),
		Content: []byte("package contract\n\n#Charts: " + label(name) + ": {...}\n#Foreign: " + label(name) + ": true\n"),
	}
}

// ContractFiles returns the paths of the files that a chart has, or would have, in the
// contract.
func ContractFiles(repo fs.FS, chartName string) []string {
	base := contractBase(repo, chartName)
	return []string{base + ".cue", base + "_shared.cue"}
}

var readsApproval = regexp.MustCompile(`\.Values\.approval\b`)

// ApprovalTemplate returns the template that brings the approval record to the cluster,
// which every chart of an environment with approvals needs: admission refuses a
// number that falls. templates are those of the chart; one that reads the record will do,
// and there is then nothing to add.
func ApprovalTemplate(chartName string, templates map[string]string) (file environment.File, wanted bool) {
	for _, text := range templates {
		if readsApproval.MatchString(text) {
			return file, false
		}
	}
	name := "approval.yaml"
	if _, taken := templates[name]; taken {
		name = "towpath-approval.yaml"
	}
	return environment.File{Path: path.Join(chart.Dir, chartName, "templates", name), Content: []byte(approvalTemplate)}, true
}

const approvalTemplate = `{{- /*
The approval that this release comes from. The record is a value file of the approval branch; no environment sets
it. Wave -10 brings the number to the cluster before anything else: where it falls, admission refuses it there and
the sync ends with nothing changed.
*/}}
{{- with .Values.approval }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ printf "%s-approval" $.Release.Name }}
  namespace: {{ $.Release.Namespace }}
  labels:
    app.kubernetes.io/name: {{ $.Chart.Name }}
    app.kubernetes.io/instance: {{ $.Release.Name }}
  annotations:
    argocd.argoproj.io/sync-wave: "-10"
data:
  number: {{ .number | int64 | toString | quote }}
  commit: {{ .commit | quote }}
  approvedBy: {{ .approvedBy | quote }}
  approvedAt: {{ .approvedAt | quote }}
  {{- with .evidence }}
  evidence: {{ . | quote }}
  {{- end }}
  {{- with .noEvidence }}
  noEvidence: {{ . | quote }}
  {{- end }}
  {{- with .rollbackTo }}
  rollbackTo: {{ . | int64 | toString | quote }}
  {{- end }}
{{- end }}
`
