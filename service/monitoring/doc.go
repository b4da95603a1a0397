// Package monitoring holds the chart's monitoring files against the service that they watch.
// They are in charts/service/files, because a chart can only install what it holds:
//
//	alerts.yaml     rules for Prometheus: when to call whom
//	dashboard.json  a dashboard for Grafana
//
// There is no code here but the tests. They run the service, ask it for its metrics, and look up
// every name and label of these files there: a metric that is renamed or gone shows here, rather
// than as an alert that can never fire. alerts_test.yaml says what the rules make of time series.
package monitoring
