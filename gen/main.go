// Gen produces what the environments under envs/ mean: values, manifests and
// Argo CD's files. Run it with --help.
package main

import (
	"os"

	"gitlab.com/towpath/towpath/gen/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], cli.System())) }
