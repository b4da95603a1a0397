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

{{- /* What every object and every pod of the release says of itself. On pods nothing may stand here that changes
without the image, because each change replaces every pod. */}}
{{- define "service.commonLabels" -}}
app.kubernetes.io/instance: {{ toYaml .Release.Name }}
app.kubernetes.io/version: {{ include "service.version" . | toYaml }}
app.kubernetes.io/part-of: towpath
towpath.gitlab.io/owner: {{ toYaml .Values.owner }}
{{- end }}

{{- define "service.podLabels" -}}
app.kubernetes.io/name: {{ toYaml .Chart.Name }}
{{ include "service.commonLabels" . }}
{{- include "service.usesLabels" . }}
{{- end }}

{{- /* Labels that the NetworkPolicies of the bundled PostgreSQL and Redis let in. */}}
{{- define "service.usesLabels" -}}
{{- if eq (include "service.postgres" .) "bundled" }}
towpath.gitlab.io/uses-{{ .Values.database.bundled.release }}: "true"
{{- end }}
{{- if eq .Values.redis.kind "bundled" }}
towpath.gitlab.io/uses-{{ .Values.redis.bundled.release }}: "true"
{{- end }}
{{- end }}

{{- define "service.labels" -}}
app.kubernetes.io/name: {{ toYaml .Chart.Name }}
{{ include "service.commonLabels" . }}
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

{{- /* Whether a workload that is on keeps data. */}}
{{- define "service.keepsData" -}}
{{- if or .Values.config.workloads.people .Values.config.workloads.portal -}}
true
{{- end -}}
{{- end }}

{{- /* Which PostgreSQL keeps the data, bundled or external; nothing where no workload keeps data or SQLite does. */}}
{{- define "service.postgres" -}}
{{- if and (include "service.keepsData" .) (ne .Values.database.kind "embedded") -}}
{{- .Values.database.kind -}}
{{- end -}}
{{- end }}

{{- /* Whether the release needs a disk: portal keeps images in files, and SQLite is a file. */}}
{{- define "service.hasClaim" -}}
{{- if or .Values.config.workloads.portal (and .Values.config.workloads.people (eq .Values.database.kind "embedded")) -}}
true
{{- end -}}
{{- end }}

{{- define "service.claimName" -}}
{{ include "service.fullname" . }}-data
{{- end }}

{{- /* Whether at most one pod may run at a time: a disk of one node, or SQLite, can't have two. */}}
{{- define "service.isSingle" -}}
{{- if and (include "service.hasClaim" .) (eq .Values.storage.accessMode "ReadWriteOnce") -}}
true
{{- end -}}
{{- end }}

{{- /* Whether there may be more than one pod. */}}
{{- define "service.isReplicated" -}}
{{- if gt (int (.Values.autoscaling.enabled | ternary .Values.autoscaling.maxReplicas .Values.replicas)) 1 -}}
true
{{- end -}}
{{- end }}

{{- /* How the service finds its database; the migration Job has the same. */}}
{{- define "service.databaseEnvironment" -}}
{{- $postgres := include "service.postgres" . -}}
{{- with .Values.database }}
{{- if eq $postgres "bundled" }}
DATABASE_URL: {{ printf "postgres://%s@%s:5432/%s?sslmode=disable" .bundled.user .bundled.release .bundled.name | quote }}
DATABASE_PASSWORD_FILE: /run/secrets/database/{{ .bundled.secret.key }}
{{- else if eq $postgres "external" }}
DATABASE_URL_FILE: /run/secrets/database/{{ .external.secret.key }}
{{- end }}
{{- if $postgres }}
DATABASE_MAX_CONNS: {{ .maxConnections | toString | quote }}
{{- end }}
DATABASE_WAIT: {{ printf "%vs" .waitSeconds | quote }}
{{- end }}
{{- end }}

{{- /* Secrets that the pods read as files, a folder each: folder, Secret, key. Files can't be read from the
process's environment by whoever may look at it, and do not show up in crash reports. */}}
{{- define "service.secrets" -}}
{{- $postgres := include "service.postgres" . -}}
{{- if $postgres }}
database: {{ get .Values.database $postgres | dig "secret" dict | toJson }}
{{- end }}
{{- if ne .Values.redis.kind "none" }}
redis: {{ get .Values.redis .Values.redis.kind | dig "secret" dict | toJson }}
{{- end }}
{{- if .Values.config.shout.secret.name }}
shout: {{ toJson .Values.config.shout.secret }}
{{- end }}
{{- end }}

{{- define "service.secretVolume" -}}
- name: {{ .folder }}
  secret:
    secretName: {{ toYaml .secret.name }}
    defaultMode: 0440
    items:
      - key: {{ toYaml .secret.key }}
        path: {{ toYaml .secret.key }}
{{- end }}

{{- define "service.pullPolicy" -}}
{{- .Values.image.digest | empty | ternary "Always" "IfNotPresent" -}}
{{- end }}

{{- define "service.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ toYaml . }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Environment of the service. A workload called x is switched by X_ENABLED, so that a new one needs no
line here. */}}
{{- define "service.environment" -}}
PORT: {{ .Values.ports.http | toString | quote }}
METRICS_PORT: {{ .Values.ports.metrics | toString | quote }}
LOG_LEVEL: {{ .Values.config.logLevel | quote }}
STARTUP_DELAY: {{ printf "%vs" .Values.config.startupDelaySeconds | quote }}
{{- /* Load balancers leave during the sleep before SIGTERM; see deployment.yaml. What is left then are connections that
clients keep. For this long each answer says that its connection closes, lest it close under the next request. */}}
DRAIN_DELAY: {{ min 2 .Values.config.drainSeconds }}s
SHUTDOWN_GRACE: {{ printf "%vs" .Values.config.shutdownSeconds | quote }}
{{- with .Values.config.trustedProxies }}
TRUSTED_PROXIES: {{ join "," . | quote }}
{{- end }}
{{- range $name, $enabled := .Values.config.workloads }}
{{ $name | snakecase | upper }}_ENABLED: {{ $enabled | toString | quote }}
{{- end }}
API_DOCS: {{ .Values.config.apiDocs | toString | quote }}
{{- if .Values.config.demo }}
SEED_DEMO: "true"
{{- end }}
{{- if include "service.keepsData" . }}
{{- include "service.databaseEnvironment" . }}
{{- end }}
{{- if include "service.hasClaim" . }}
DATA_DIR: /var/lib/towpath
{{- end }}
{{- with .Values.redis }}
{{- if eq .kind "bundled" }}
REDIS_URL: {{ printf "redis://%s:6379" .bundled.release | quote }}
REDIS_PASSWORD_FILE: /run/secrets/redis/{{ .bundled.secret.key }}
{{- else if eq .kind "external" }}
REDIS_URL_FILE: /run/secrets/redis/{{ .external.secret.key }}
{{- end }}
{{- end }}
{{- with .Values.config.shout.secret }}
{{- if .name }}
SHOUT_URL_FILE: /run/secrets/shout/{{ .key }}
{{- end }}
{{- end }}
{{- with .Values.config.tracing }}
{{- if .endpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ .endpoint | quote }}
OTEL_SERVICE_NAME: {{ $.Release.Name | quote }}
OTEL_RESOURCE_ATTRIBUTES: {{ printf "k8s.namespace.name=%s" $.Release.Namespace | quote }}
OTEL_TRACES_SAMPLER: parentbased_traceidratio
OTEL_TRACES_SAMPLER_ARG: {{ .sampleRatio | toString | quote }}
{{- end }}
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

{{- /* Pods of the migration and of helm test have names of their own: were they called service, the Service would
send them requests, and the Deployment would count them as its own. */}}
{{- define "service.migrationName" -}}
{{ include "service.fullname" . | trunc 53 | trimSuffix "-" }}-migration
{{- end }}

{{- define "service.migrationSelectorLabels" -}}
app.kubernetes.io/name: service-migration
app.kubernetes.io/instance: {{ toYaml .Release.Name }}
{{- end }}

{{- define "service.testSelectorLabels" -}}
app.kubernetes.io/name: service-test
app.kubernetes.io/instance: {{ toYaml .Release.Name }}
{{- end }}
