{{- /*
The objects are named like the release, so that a service finds redis at the host redis. The templates give
names and texts through toYaml, which quotes where YAML would read something else.
*/}}

{{- /* What tells the objects of this release from all others. The selectors and claims of a StatefulSet can never
change, so nothing may be added here. */}}
{{- define "redis.selectorLabels" -}}
app.kubernetes.io/name: {{ toYaml .Chart.Name }}
app.kubernetes.io/instance: {{ toYaml .Release.Name }}
{{- end }}

{{- /* Labels of the pods: only what changes with the image or the owner, because each change stops the server. */}}
{{- define "redis.podLabels" -}}
{{ include "redis.selectorLabels" . }}
app.kubernetes.io/version: {{ include "redis.version" . | toYaml }}
app.kubernetes.io/part-of: towpath
towpath.gitlab.io/owner: {{ toYaml .Values.owner }}
{{- end }}

{{- define "redis.labels" -}}
{{ include "redis.podLabels" . }}
app.kubernetes.io/managed-by: {{ toYaml .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | toYaml }}
{{- end }}

{{- /* Version of what runs: the tag, else the start of the digest. A tag may be twice as long as a label and
may begin or end with a sign that a label may not. */}}
{{- define "redis.version" -}}
{{- $digest := .Values.image.digest | default "" | trimPrefix "sha256:" | trunc 12 -}}
{{- $version := or .Values.image.tag $digest -}}
{{- regexReplaceAll "^[^A-Za-z0-9]+|[^A-Za-z0-9]+$" (trunc 63 $version) "" -}}
{{- end }}

{{- define "redis.image" -}}
{{- .Values.image.repository -}}
{{- with .Values.image.tag }}:{{ . }}{{ end -}}
{{- with .Values.image.digest }}@{{ . }}{{ end -}}
{{- end }}

{{- /* A digest names one image for ever; asking for it again would only tie each start to the registry. A tag can move. */}}
{{- define "redis.pullPolicy" -}}
{{- if . }}IfNotPresent{{ else }}Always{{ end -}}
{{- end }}

{{- define "redis.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ toYaml . }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Name of the Secret with the password. */}}
{{- define "redis.secret" -}}
{{- .Values.auth.secret.name | default .Release.Name -}}
{{- end }}

{{- /* The password as a volume. A pod reads it as a file, because an environment is shown by kubectl exec and in
crash reports, and arguments by ps. */}}
{{- define "redis.secretVolume" -}}
- name: secret
  secret:
    secretName: {{ include "redis.secret" . | toYaml }}
    defaultMode: 0440
    items:
      - key: {{ toYaml .Values.auth.secret.key }}
        path: password
{{- end }}

{{- /* A user that no node has; Redis can run as any. Claims belong to the group; OnRootMismatch spares a walk through
all files at each start. */}}
{{- define "redis.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "redis.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end }}

{{- /* Pods of backup and restore, but for their script and what it is told. */}}
{{- define "redis.jobSpec" -}}
serviceAccountName: {{ toYaml .Release.Name }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "redis.pullSecrets" . }}
restartPolicy: Never
securityContext:
  {{- include "redis.podSecurity" . | nindent 2 }}
volumes:
  - name: backups
    persistentVolumeClaim:
      claimName: {{ printf "%s-backups" .Release.Name | toYaml }}
  {{- include "redis.secretVolume" . | nindent 2 }}
  - name: tmp
    emptyDir:
      sizeLimit: 16Mi
{{- end }}

{{- define "redis.jobContainer" -}}
image: {{ include "redis.image" . | toYaml }}
imagePullPolicy: {{ include "redis.pullPolicy" .Values.image.digest }}
securityContext:
  {{- include "redis.containerSecurity" . | nindent 2 }}
{{- /* What a script says last is then what kubectl describe shows of its end. */}}
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  - name: backups
    mountPath: /backups
  - name: secret
    mountPath: /run/secrets/redis
    readOnly: true
  - name: tmp
    mountPath: /tmp
{{- end }}

{{- define "redis.jobEnvironment" -}}
- name: REDIS_HOST
  value: {{ .Release.Name | quote }}
- name: REDIS_PORT
  value: "6379"
- name: PASSWORD_FILE
  value: /run/secrets/redis/password
- name: BACKUPS
  value: /backups
{{- end }}

{{- /* A quantity of memory in bytes. */}}
{{- define "redis.bytes" -}}
{{- $factors := dict
  "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000
  "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $number := regexFind "^[0-9]+" (toString .) | int64 -}}
{{- $factor := regexFind "[A-Za-z]*$" (toString .) | get $factors -}}
{{- mul $number $factor -}}
{{- end }}
