package cli

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/gen/tool"
)

// version is set at build time; see the Dockerfile for how a release is built.
var version = "dev"

type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	// Output is the version of what gen produces; see [tool.Output].
	Output  string            `json:"output"`
	Library map[string]string `json:"libraries"`
}

func (a *app) versionCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of gen and of what decides its output",
		Example: "  gen version\n  gen version -o json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := checkFormat(format, "text", "json"); err != nil {
				return err
			}
			info := a.buildInfo()
			if format == "json" {
				encoder := json.NewEncoder(a.Out)
				encoder.SetIndent("", "  ")
				return encoder.Encode(info)
			}
			fmt.Fprintf(a.Out, "gen   %s", info.Version)
			if info.Commit != "" {
				fmt.Fprintf(a.Out, " (%s)", info.Commit)
			}
			fmt.Fprintf(a.Out, ", output %s\ngo    %s\n", info.Output, info.Go)
			for _, l := range tool.Libraries {
				fmt.Fprintf(a.Out, "%-5s %s\n", l.Name, info.Library[l.Name])
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text or json")
	return cmd
}

func (a *app) buildInfo() versionInfo {
	info := versionInfo{Version: version, Go: runtime.Version(), Output: tool.Output, Library: map[string]string{}}
	for _, v := range a.Tools() {
		if v.Name == "gen" {
			info.Output = v.Version
		} else {
			info.Library[v.Name] = v.Version
		}
	}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	for _, setting := range build.Settings {
		if setting.Key == "vcs.revision" {
			info.Commit = setting.Value
		}
	}
	return info
}
