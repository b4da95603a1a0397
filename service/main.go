// Service is Towpath's example of a good tenant of Kubernetes: one process that carries several
// workloads. `service --help` tells how to run and configure it.
//
// Where things are:
//
//	cli        the commands, a file each
//	config     the table of environment variables
//	server     what holds for every request: limits, ids, logs, metrics, start and stop
//	workload   what a workload and the server know of each other
//	home, …    the workloads, a folder each; cli/workloads.go lists them
package main

import (
	"os"

	"gitlab.com/towpath/towpath/service/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
