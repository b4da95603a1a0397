package cli

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set at build time; see the Dockerfile for how a release is built.
var version = "dev"

// libraries are the modules whose version decides what gen produces.
var libraries = []struct{ name, module string }{
	{"cue", "cuelang.org/go"},
	{"helm", "helm.sh/helm/v3"},
	{"yaml", "sigs.k8s.io/yaml"},
}

type versionInfo struct {
	Version string            `json:"version"`
	Commit  string            `json:"commit,omitempty"`
	Go      string            `json:"go"`
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
			info := buildInfo()
			if format == "json" {
				encoder := json.NewEncoder(a.Out)
				encoder.SetIndent("", "  ")
				return encoder.Encode(info)
			}
			fmt.Fprintf(a.Out, "gen   %s", info.Version)
			if info.Commit != "" {
				fmt.Fprintf(a.Out, " (%s)", info.Commit)
			}
			fmt.Fprintf(a.Out, "\ngo    %s\n", info.Go)
			for _, l := range libraries {
				fmt.Fprintf(a.Out, "%-5s %s\n", l.name, info.Library[l.name])
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text or json")
	return cmd
}

func buildInfo() versionInfo {
	info := versionInfo{Version: version, Go: runtime.Version(), Library: map[string]string{}}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	for _, setting := range build.Settings {
		if setting.Key == "vcs.revision" {
			info.Commit = setting.Value
		}
	}
	for _, dep := range build.Deps {
		for _, l := range libraries {
			if dep.Path != l.module {
				continue
			}
			info.Library[l.name] = dep.Version
			if dep.Replace != nil {
				info.Library[l.name] = dep.Replace.Version
			}
		}
	}
	return info
}
