{{- define "nudge.name" -}}
{{- if contains "nudge" .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-nudge" (.Release.Name | trunc 46 | trimSuffix "-") }}{{ end }}
{{- end }}
{{- define "nudge.selector" -}}
app.kubernetes.io/name: nudge
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "nudge.labels" -}}
{{ include "nudge.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
