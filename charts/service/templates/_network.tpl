{{- /* Where a system outside the release is, as peers of a NetworkPolicy. */}}
{{- define "service.peers" -}}
{{- range .networks }}
- ipBlock:
    cidr: {{ toYaml . }}
{{- end }}
{{- range .namespaces }}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Egress to a system outside the release. */}}
{{- define "service.peerEgress" -}}
- to:
    {{- include "service.peers" . | nindent 4 }}
  ports:
    - port: {{ .port }}
      protocol: TCP
{{- end }}

{{- /* Egress that all need who speak to anything by its name. */}}
{{- define "service.dnsEgress" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ toYaml .Values.networkPolicy.dns }}
  ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end }}

{{- define "service.postgresEgress" -}}
{{- $postgres := include "service.postgres" . -}}
{{- if eq $postgres "bundled" -}}
- to:
    - podSelector:
        matchLabels:
          app.kubernetes.io/name: postgres
          app.kubernetes.io/instance: {{ toYaml .Values.database.bundled.release }}
  ports:
    - port: 5432
      protocol: TCP
{{- else if eq $postgres "external" -}}
{{- include "service.peerEgress" .Values.networkPolicy.egress.database }}
{{- end }}
{{- end }}

{{- define "service.redisEgress" -}}
{{- if eq .Values.redis.kind "bundled" -}}
- to:
    - podSelector:
        matchLabels:
          app.kubernetes.io/name: redis
          app.kubernetes.io/instance: {{ toYaml .Values.redis.bundled.release }}
  ports:
    - port: 6379
      protocol: TCP
{{- else if eq .Values.redis.kind "external" -}}
{{- include "service.peerEgress" .Values.networkPolicy.egress.redis }}
{{- end }}
{{- end }}
