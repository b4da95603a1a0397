// E2e brings up a real Kubernetes and a real Argo CD on one Linux machine, without Docker, and on them the
// repository as it is in the working tree:
//
//	go run . up
//	go run . status
//	go run . down
//
// It needs root. What is started is in namespaces of its own and ends with them; see package sandbox.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/e2e/sandbox"
)

func main() {
	sandbox.Main()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if err == nil {
		return
	}
	if errors.Is(err, context.Canceled) {
		os.Exit(130)
	}
	fmt.Fprintln(os.Stderr, "e2e:", err)
	os.Exit(1)
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "e2e",
		Short:         "A real Kubernetes with a real Argo CD, on this machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	var dir string
	root.PersistentFlags().StringVar(&dir, "dir", "/tmp/towpath-e2e", "folder of the cluster")
	root.AddCommand(
		&cobra.Command{
			Use:   "up",
			Short: "Bring the cluster up, or say that it is",
			Args:  cobra.NoArgs,
			RunE:  func(c *cobra.Command, _ []string) error { return up(c.Context(), dir, os.Stdout) },
		},
		&cobra.Command{
			Use:   "down",
			Short: "End the cluster and remove all that it has left",
			Args:  cobra.NoArgs,
			RunE:  func(c *cobra.Command, _ []string) error { return down(c.Context(), dir) },
		},
		&cobra.Command{
			Use:   "status",
			Short: "Say whether the cluster is up, and how to reach it",
			Args:  cobra.NoArgs,
			RunE:  func(*cobra.Command, []string) error { return status(dir, os.Stdout) },
		},
		&cobra.Command{
			Use:   "env",
			Short: "Print the variables by which the suite tries any cluster, as they are for this one",
			Args:  cobra.NoArgs,
			RunE:  func(*cobra.Command, []string) error { return printEnvironment(dir, os.Stdout) },
		},
		&cobra.Command{
			Use:    "run",
			Hidden: true,
			Args:   cobra.NoArgs,
			RunE:   func(c *cobra.Command, _ []string) error { return run(c.Context(), dir) },
		},
	)
	return root
}
