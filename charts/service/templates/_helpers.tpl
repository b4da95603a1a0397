{{- /*
The templates give names and texts through toYaml, which quotes where YAML would read something else: a
release may be called 2024, a tag 1.10, a host null.example or on.
*/}}

{{- /* Name of the objects: that of the release, with the chart's where the release does not say it. */}}
{{- define "service.fullname" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) -}}
{{- $name = printf "%s-%s" $name .Chart.Name -}}
{{- end -}}
{{- $name | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- /* What tells the pods of this release from all others. A Deployment's selector can never change, so
nothing may be added here. */}}
{{- define "service.selectorLabels" -}}
app.kubernetes.io/name: {{ toYaml .Chart.Name }}
app.kubernetes.io/instance: {{ toYaml .Release.Name }}
{{- end }}

{{- /* Labels of the pods: only what changes with the image, because each change of them replaces every pod. */}}
{{- define "service.podLabels" -}}
{{ include "service.selectorLabels" . }}
app.kubernetes.io/version: {{ include "service.version" . | toYaml }}
app.kubernetes.io/part-of: towpath
{{- end }}

{{- define "service.labels" -}}
{{ include "service.podLabels" . }}
app.kubernetes.io/managed-by: {{ toYaml .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | toYaml }}
{{- end }}

{{- /* Version of what runs: the tag, else the start of the digest. A tag may be twice as long as a label and
may begin or end with a sign that a label may not. */}}
{{- define "service.version" -}}
{{- $digest := .Values.image.digest | default "" | trimPrefix "sha256:" | trunc 12 -}}
{{- $version := or .Values.image.tag $digest .Chart.AppVersion -}}
{{- regexReplaceAll "^[^A-Za-z0-9]+|[^A-Za-z0-9]+$" (trunc 63 $version) "" -}}
{{- end }}

{{- /* Reference of the image. The chart's appVersion stands in only where neither tag nor digest is given:
beside a digest it would be a claim that nobody checked. */}}
{{- define "service.image" -}}
{{- $tag := .Values.image.tag -}}
{{- if not (or $tag .Values.image.digest) -}}
{{- $tag = .Chart.AppVersion -}}
{{- end -}}
{{- .Values.image.repository -}}
{{- with $tag }}:{{ . }}{{ end -}}
{{- with .Values.image.digest }}@{{ . }}{{ end -}}
{{- end }}

{{- /* Environment of the service. A workload called x is switched by X_ENABLED, so that a new one needs no
line here. */}}
{{- define "service.environment" -}}
PORT: {{ .Values.ports.http | toString | quote }}
METRICS_PORT: {{ .Values.ports.metrics | toString | quote }}
LOG_LEVEL: {{ .Values.config.logLevel | quote }}
STARTUP_DELAY: {{ printf "%vs" .Values.config.startupDelaySeconds | quote }}
DRAIN_DELAY: {{ printf "%vs" .Values.config.drainSeconds | quote }}
SHUTDOWN_GRACE: {{ printf "%vs" .Values.config.shutdownSeconds | quote }}
{{- with .Values.config.trustedProxies }}
TRUSTED_PROXIES: {{ join "," . | quote }}
{{- end }}
{{- range $name, $enabled := .Values.config.workloads }}
{{ $name | snakecase | upper }}_ENABLED: {{ $enabled | toString | quote }}
{{- end }}
{{- end }}

{{- /*
Name of the ConfigMap, ending in a hash of its content.

The service reads its environment once, when its container starts. Were the ConfigMap changed in place, with a
checksum on the pods to replace them, a pod of the old version that restarts during the rollout would start with the
new configuration: a mistake in it would reach the very pods that a stopped rollout keeps alive. Under a name of
its own each configuration stays with the pods that were made for it. The ConfigMap is immutable, so that it holds what
its name says, and is pruned last: Argo CD then deletes the old one only once the new pods are healthy, and not at
all if they never are. Going back names the old one again.
*/}}
{{- define "service.configMapName" -}}
{{ include "service.fullname" . }}-config-{{ include "service.environment" . | sha256sum | trunc 10 }}
{{- end }}

{{- /*
Memory at which Go's garbage collector works harder, in bytes: nine tenths of the limit. The rest is for what the
runtime does not count, such as the program itself and socket buffers; that is why the limit is not handed over
as it is, by resourceFieldRef. GOMAXPROCS is left alone: since 1.25 Go takes it from the CPU limit.
*/}}
{{- define "service.goMemoryLimit" -}}
{{- $factors := dict
  "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000
  "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $memory := toString .Values.resources.limits.memory -}}
{{- $number := regexFind "^[0-9]+" $memory | int64 -}}
{{- $factor := regexFind "[A-Za-z]*$" $memory | get $factors -}}
{{- div (mul $number $factor 9) 10 -}}
{{- end }}
