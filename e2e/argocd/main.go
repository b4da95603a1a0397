// Program argocd is Argo CD: its servers and its command line. The name that it is called by says which, as in
// Argo CD's own image, where the names are links to one program.
package main

import (
	"os"
	"path/filepath"

	controller "github.com/argoproj/argo-cd/v2/cmd/argocd-application-controller/commands"
	applicationset "github.com/argoproj/argo-cd/v2/cmd/argocd-applicationset-controller/commands"
	dex "github.com/argoproj/argo-cd/v2/cmd/argocd-dex/commands"
	askpass "github.com/argoproj/argo-cd/v2/cmd/argocd-git-ask-pass/commands"
	notifications "github.com/argoproj/argo-cd/v2/cmd/argocd-notification/commands"
	reposerver "github.com/argoproj/argo-cd/v2/cmd/argocd-repo-server/commands"
	server "github.com/argoproj/argo-cd/v2/cmd/argocd-server/commands"
	cli "github.com/argoproj/argo-cd/v2/cmd/argocd/commands"
	"github.com/spf13/cobra"
)

var programs = map[string]func() *cobra.Command{
	"argocd":                           cli.NewCommand,
	"argocd-application-controller":    controller.NewCommand,
	"argocd-applicationset-controller": applicationset.NewCommand,
	"argocd-dex":                       dex.NewCommand,
	"argocd-git-ask-pass":              askpass.NewCommand,
	"argocd-notifications":             notifications.NewCommand,
	"argocd-repo-server":               reposerver.NewCommand,
	"argocd-server":                    server.NewCommand,
}

func main() {
	name := filepath.Base(os.Args[0])
	// The repo-server calls its own program, by whatever path, to answer git's question for a password.
	if other := os.Getenv("ARGOCD_BINARY_NAME"); other != "" {
		name = other
	}
	program, ok := programs[name]
	if !ok {
		program = cli.NewCommand
	}
	if err := program().Execute(); err != nil {
		os.Exit(1)
	}
}
