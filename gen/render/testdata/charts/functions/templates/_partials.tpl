{{- define "functions.twice" -}}{{ .text }}{{ .text }}{{- end -}}
{{- define "functions.again" -}}{{ include "functions.twice" . | upper }}{{- end -}}
