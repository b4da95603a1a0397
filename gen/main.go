// Gen produces what the environments under envs/ mean: values, manifests and
// Argo CD's files. Run it with --help.
package main

import (
	"os"

	"gitlab.com/towpath/towpath/gen/cli"
	_ "gitlab.com/towpath/towpath/gen/memory" // sets the pace of garbage collection
)

func main() { os.Exit(cli.Main(os.Args[1:], cli.System())) }
