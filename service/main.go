// Service is Towpath's example of a good tenant of Kubernetes: one process that carries several
// workloads. `service --help` tells how to run and configure it.
//
// Where things are:
//
//	cli         the commands, a file each
//	config      the table of environment variables
//	server      what holds for every request: limits, ids, logs, metrics, start and stop
//	workload    what a workload and the server know of each other
//	database    the store of all that keep data: SQLite or PostgreSQL, and its migrations
//	redis       the way to Redis, for all that share one
//	tracing     OpenTelemetry: the ways of a request through systems
//	monitoring  alert rules and a dashboard, held against the metrics of a running service
//	home, …     the workloads, a folder each; cli/workloads.go lists them
package main

import (
	"os"

	"gitlab.com/towpath/towpath/service/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
