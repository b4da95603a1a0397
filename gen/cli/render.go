package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

type renderOptions struct {
	check     bool
	manifests bool
	outputDir string
	format    string
	jobs      int
	noCache   bool
	timings   string
}

func (a *app) renderCommand() *cobra.Command {
	var o renderOptions
	cmd := &cobra.Command{
		Use:   "render [ENV...]",
		Short: "Write what environments produce, or print their objects",
		Long: `Render produces the files that are committed beside the environments: the
values of each release under envs/ENV/values, Argo CD's files under argocd, and
the values.yaml and values.schema.json of each chart. It says of each whether it
was written or unchanged. A folder with the values of an environment changes as
a whole, or not at all. All environments together also produce envs/tool.lock,
the versions of gen's output and of the libraries that decide it.

With --manifests it writes none of these, and prints the Kubernetes objects of
the environments, in the order in which Argo CD applies them. What Argo CD adds
by itself, its tracking annotation, is not among them. What they were rendered to
is kept in the user's cache folder, or in $GEN_CACHE, and taken from there as long
as nothing that it was made from has changed, gen included; --no-cache neither
reads nor writes it.`,
		Example: `  gen render                                all environments
  gen render envs/prod                      one environment
  gen render --check                        write nothing; exit 3 if a file is stale
  gen render prod --manifests               print the objects of prod
  gen render --manifests --output-dir out   write them to out/ENV/RELEASE.yaml
  gen render --manifests --timings json     say on stderr where the time went`,
		ValidArgsFunction: a.completeEnvironments,
		RunE:              func(_ *cobra.Command, args []string) error { return a.render(o, args) },
	}
	cmd.Flags().BoolVar(&o.check, "check", false, "write nothing, and exit 3 if a committed file is stale")
	cmd.Flags().BoolVar(&o.manifests, "manifests", false, "print Kubernetes objects instead")
	cmd.Flags().StringVar(&o.outputDir, "output-dir", "", "with --manifests: write one file per release below this folder")
	cmd.Flags().StringVarP(&o.format, "output", "o", "yaml", "with --manifests: yaml or json")
	cmd.Flags().BoolVar(&o.noCache, "no-cache", false, "with --manifests: render everything anew, and keep nothing")
	cmd.Flags().StringVar(&o.timings, "timings", "", "with --manifests: say on standard error where the time went, as text or json")
	jobsFlag(cmd, &o.jobs)
	cmd.MarkFlagsMutuallyExclusive("check", "manifests")
	_ = cmd.MarkFlagDirname("output-dir")
	return cmd
}

func (a *app) render(o renderOptions, args []string) error {
	if err := checkJobs(o.jobs); err != nil {
		return err
	}
	if err := checkFormat(o.format, "yaml", "json"); err != nil {
		return err
	}
	if o.timings != "" && o.timings != "text" && o.timings != "json" {
		return fmt.Errorf("--timings is %q; it can be text, json", o.timings)
	}
	for flag, given := range map[string]bool{"output-dir": o.outputDir != "", "no-cache": o.noCache, "timings": o.timings != ""} {
		if given && !o.manifests {
			return fmt.Errorf("--%s is for the objects: add --manifests", flag)
		}
	}
	names, err := a.resolve(args)
	if err != nil {
		return err
	}
	if o.manifests {
		return a.renderManifests(o, names)
	}
	return a.renderFiles(o, names)
}
