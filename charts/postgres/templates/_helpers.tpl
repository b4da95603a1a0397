{{- /*
The objects are named like the release, so that a service finds postgres at the host postgres. The templates give
names and texts through toYaml, which quotes where YAML would read something else.
*/}}

{{- /* What tells the objects of this release from all others. The selectors and claims of a StatefulSet can never
change, so nothing may be added here. */}}
{{- define "postgres.selectorLabels" -}}
app.kubernetes.io/name: {{ toYaml .Chart.Name }}
app.kubernetes.io/instance: {{ toYaml .Release.Name }}
{{- end }}

{{- /* Labels of the pods: only what changes with the image or the owner, because each change stops the server. */}}
{{- define "postgres.podLabels" -}}
{{ include "postgres.selectorLabels" . }}
app.kubernetes.io/version: {{ include "postgres.version" . | toYaml }}
app.kubernetes.io/part-of: towpath
towpath.gitlab.io/owner: {{ toYaml .Values.owner }}
{{- end }}

{{- define "postgres.labels" -}}
{{ include "postgres.podLabels" . }}
app.kubernetes.io/managed-by: {{ toYaml .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | toYaml }}
{{- end }}

{{- /* Version of what runs: the tag, else the start of the digest. A tag may be twice as long as a label and
may begin or end with a sign that a label may not. */}}
{{- define "postgres.version" -}}
{{- $digest := .Values.image.digest | default "" | trimPrefix "sha256:" | trunc 12 -}}
{{- $version := or .Values.image.tag $digest -}}
{{- regexReplaceAll "^[^A-Za-z0-9]+|[^A-Za-z0-9]+$" (trunc 63 $version) "" -}}
{{- end }}

{{- define "postgres.image" -}}
{{- .Values.image.repository -}}
{{- with .Values.image.tag }}:{{ . }}{{ end -}}
{{- with .Values.image.digest }}@{{ . }}{{ end -}}
{{- end }}

{{- /* A digest names one image for ever; asking for it again would only tie each start to the registry. A tag can move. */}}
{{- define "postgres.pullPolicy" -}}
{{- if . }}IfNotPresent{{ else }}Always{{ end -}}
{{- end }}

{{- define "postgres.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ toYaml . }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Name of the Secret with the password. */}}
{{- define "postgres.secret" -}}
{{- .Values.auth.secret.name | default .Release.Name -}}
{{- end }}

{{- /* The password as a volume. A pod reads it as a file, because an environment is shown by kubectl exec and in
crash reports, and arguments by ps. */}}
{{- define "postgres.secretVolume" -}}
- name: secret
  secret:
    secretName: {{ include "postgres.secret" . | toYaml }}
    defaultMode: 0440
    items:
      - key: {{ toYaml .Values.auth.secret.key }}
        path: password
{{- end }}

{{- /* A user that no node has; the Debian image can run as any. Claims belong to the group; OnRootMismatch spares a walk
through all files at each start, and keeps the data folder's mode, which PostgreSQL insists on. */}}
{{- define "postgres.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "postgres.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end }}

{{- /* Pods of backup and restore, but for their script and what it is told. */}}
{{- define "postgres.jobSpec" -}}
serviceAccountName: {{ toYaml .Release.Name }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "postgres.pullSecrets" . }}
restartPolicy: Never
securityContext:
  {{- include "postgres.podSecurity" . | nindent 2 }}
volumes:
  - name: backups
    persistentVolumeClaim:
      claimName: {{ printf "%s-backups" .Release.Name | toYaml }}
  {{- include "postgres.secretVolume" . | nindent 2 }}
  - name: tmp
    emptyDir:
      sizeLimit: 16Mi
{{- end }}

{{- define "postgres.jobContainer" -}}
image: {{ include "postgres.image" . | toYaml }}
imagePullPolicy: {{ include "postgres.pullPolicy" .Values.image.digest }}
resources:
  {{- toYaml .Values.backup.resources | nindent 2 }}
securityContext:
  {{- include "postgres.containerSecurity" . | nindent 2 }}
{{- /* What a script says last is then what kubectl describe shows of its end. */}}
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  - name: backups
    mountPath: /backups
  - name: secret
    mountPath: /run/secrets/postgres
    readOnly: true
  - name: tmp
    mountPath: /tmp
{{- end }}

{{- define "postgres.jobEnvironment" -}}
- name: PGHOST
  value: {{ .Release.Name | quote }}
- name: PGPORT
  value: "5432"
- name: PGUSER
  value: {{ .Values.auth.user | quote }}
- name: PGDATABASE
  value: {{ .Values.auth.database | quote }}
- name: PGCONNECT_TIMEOUT
  value: "10"
- name: PASSWORD_FILE
  value: /run/secrets/postgres/password
- name: BACKUPS
  value: /backups
{{- end }}

{{- /* A quantity of memory in bytes. */}}
{{- define "postgres.bytes" -}}
{{- $factors := dict
  "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000
  "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $number := regexFind "^[0-9]+" (toString .) | int64 -}}
{{- $factor := regexFind "[A-Za-z]*$" (toString .) | get $factors -}}
{{- mul $number $factor -}}
{{- end }}
