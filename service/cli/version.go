package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/service/build"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print which build this is",
		Example: "  service version",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info := build.Current()
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "service %s\ncommit  %s\ngo      %s\n", info.Version, info.Commit, info.Go)
			return err
		},
	}
}
