// Package monitoring holds what a monitoring system is given to watch the service by:
//
//	alerts.yaml       rules for Prometheus: when to call whom
//	alerts_test.yaml  what those rules make of time series, for promtool
//	dashboard.json    a dashboard for Grafana
//
// There is no code here but the tests. They run the service, ask it for its metrics, and hold
// every name and label in these files against them: a metric that is renamed or gone shows
// here, rather than as an alert that can never fire.
package monitoring
