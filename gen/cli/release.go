package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/gen/commit"
	"gitlab.com/towpath/towpath/gen/edit"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/output"
	"gitlab.com/towpath/towpath/gen/revision"
)

type releaseOptions struct {
	release     string
	image       string
	commit      bool
	push        bool
	pushOptions []string
	remote      string
	dryRun      bool
	forced
}

func (a *app) releaseCommand() *cobra.Command {
	var o releaseOptions
	cmd := &cobra.Command{
		Use:   "release ENV --image " + imageForm,
		Short: "Name the image that an environment runs",
		Long: `Release sets the image of a release in the environment's CUE, in release.cue where it
is not named yet (of the team's folder, if the release is a team's), and renders the
environment. Nothing else in the files changes. What
the contract says against the image is said before anything is written. An image that
is named already leaves everything as it is.

With --commit the files become a commit of their own. It is made from the last commit:
other changes, staged or not, have no part in it and stay as they are. Files with
changes that are not committed are left alone, and so is the rest then.

With --push, for pipelines, nothing here changes: the commit is made upon the default
branch of the remote, as it stands now, and pushed. If somebody else pushes meanwhile,
the release is made anew upon theirs, unless they have released another image there.

An environment of tier production gets its images by gen promote. --force overrides
that, and the commit keeps the reason.`,
		Example: `  gen release stage --image registry.example/service:0.2.0@sha256:9c59…
  gen release stage --image "$IMAGE" --dry-run
  gen release stage --image "$IMAGE" --commit
  gen release stage --image "$IMAGE" --push --push-option ci.skip   in a pipeline`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOneEnvironment,
		RunE:              func(_ *cobra.Command, args []string) error { return a.release(o, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.release, "release", "", "the release; needed where several have an image")
	flags.StringVar(&o.image, "image", "", "image to run (required): "+imageForm)
	flags.BoolVar(&o.commit, "commit", false, "commit the files, and nothing else")
	flags.BoolVar(&o.push, "push", false, "commit upon the remote's default branch and push; nothing changes here")
	flags.StringArrayVar(&o.pushOptions, "push-option", nil, "with --push: option for the remote, such as ci.skip")
	flags.StringVar(&o.remote, "remote", "origin", "with --push: remote to push to")
	flags.BoolVar(&o.dryRun, "dry-run", false, "print what would be written, and write nothing")
	flags.BoolVar(&o.force, "force", false, "release to production without a promotion; needs --reason")
	flags.StringVar(&o.reason, "reason", "", "with --force: why, for the commit message")
	_ = cmd.MarkFlagRequired("image")
	_ = cmd.RegisterFlagCompletionFunc("release", a.completeReleases)
	_ = cmd.RegisterFlagCompletionFunc("image", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("remote", a.completeRemotes)
	return cmd
}

// completeReleases completes the releases of the environment that is named.
func (a *app) completeReleases(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, err := a.resolve(args[:1])
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	set, err := environment.Load(a.repoFS(), names)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return releasesWithImage(set.Environments[0]), cobra.ShellCompDirectiveNoFileComp
}

// completeRemotes completes the remotes of the clone.
func (a *app) completeRemotes(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	if err := a.openRepository(); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	remotes, err := commit.Open(a.root).Remotes()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return remotes, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) release(o releaseOptions, arg string) error {
	wanted, err := parseImage(o.image)
	if err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	if err := a.openRepository(); err != nil {
		return err
	}
	arg = a.relative(arg)
	git := revision.Open(a.root)
	defer git.Close()
	r := &releasing{app: a, o: o, wanted: wanted, git: git, commits: commit.Open(a.root)}
	switch {
	case o.push:
		return r.push(arg)
	case o.commit:
		return r.commit(arg)
	default:
		return r.write(arg)
	}
}

func (o *releaseOptions) check() error {
	if len(o.pushOptions) > 0 && !o.push {
		return errors.New("--push-option is for --push")
	}
	return o.forced.check()
}

// releasing is a release on its way.
type releasing struct {
	*app
	o       releaseOptions
	wanted  image
	git     *revision.Repository
	commits *commit.Repository

	env, release string
	// was is the image that the environment has.
	was image
}

// draft makes the release upon a state of the repository, or returns nil if it names
// the image already.
func (r *releasing) draft(base fs.FS, arg string) (*drafted, error) {
	names, err := environment.Resolve(base, []string{arg})
	if err != nil {
		return nil, err
	}
	r.env = names[0]
	set, err := environment.Load(base, names)
	if err != nil {
		return nil, r.printFindings(base, err)
	}
	env := set.Environments[0]
	if r.release, err = chooseRelease(base, env, r.o.release); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(env.Written(), func(one environment.Release) bool { return one.Name == r.release })
	r.was, _ = imageOf(env.Written()[i])
	if r.was == r.wanted {
		return nil, nil
	}
	if env.Tier == "production" && !r.o.force {
		from := env.Delivery.PromotedFrom
		if from == "" {
			from = "ENV"
		}
		return nil, r.refuse("%s is production, which gets its images by promotion: gen promote %s %s; or add --force --reason TEXT", env.Name, from, env.Name)
	}
	return r.app.draft(base, env.Name, r.wanted.settings(env.Written()[i], r.was))
}

// chooseRelease returns the release of an environment that gets an image.
func chooseRelease(repo fs.FS, env *environment.Environment, name string) (string, error) {
	with := releasesWithImage(env)
	if name != "" {
		if slices.Contains(with, name) {
			return name, nil
		}
		text := fmt.Sprintf("%s has no release %s with an image", env.Name, name)
		if near := finding.DidYouMean(name, with); near != "" {
			text += "; " + near
		} else if len(with) > 0 {
			text += "; there are " + strings.Join(with, ", ")
		}
		return "", errors.New(text)
	}
	// Databases that come along have images too; those that are released are named
	// in the file for that.
	named, err := namedImages(repo, env)
	if err != nil {
		return "", err
	}
	if len(named) > 0 {
		with = named
	}
	switch len(with) {
	case 0:
		return "", fmt.Errorf("no release of %s has an image", env.Name)
	case 1:
		return with[0], nil
	default:
		return "", fmt.Errorf("several releases of %s have an image: %s; name one with --release", env.Name, strings.Join(with, ", "))
	}
}

// releasesWithImage returns the names of releases whose charts have an image.
func releasesWithImage(env *environment.Environment) []string {
	var names []string
	for _, release := range env.Written() {
		if _, ok := imageOf(release); ok {
			names = append(names, release.Name)
		}
	}
	return names
}

// namedImages returns the names of releases whose image the file of releases in their
// folder says.
func namedImages(repo fs.FS, env *environment.Environment) ([]string, error) {
	var names []string
	for _, release := range env.Written() {
		if _, ok := imageOf(release); !ok {
			continue
		}
		file := path.Join(env.ReleaseDir(release), releaseFile)
		text, err := fs.ReadFile(repo, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		has, err := edit.Has(file, text, []string{"releases", release.Name, "values", "image"})
		if err != nil {
			return nil, err
		}
		if has {
			names = append(names, release.Name)
		}
	}
	return names, nil
}

// write makes the release in the working tree.
func (r *releasing) write(arg string) error {
	d, err := r.draft(r.repoFS(), arg)
	if err != nil || d == nil {
		return r.unchanged(err)
	}
	r.list(d)
	if r.o.dryRun {
		return nil
	}
	return r.apply(d.changes)
}

// unchanged says that there is nothing to do, if there is no error.
func (r *releasing) unchanged(err error) error {
	if err == nil {
		fmt.Fprintf(r.Err, "%s: %s %s is released already; unchanged\n", r.env, r.release, r.wanted.version())
	}
	return err
}

// list prints the files that change.
func (r *releasing) list(d *drafted) {
	for _, c := range d.changes {
		state := string(c.State)
		if r.o.dryRun {
			state = "changed"
			if c.Old == nil && c.State == output.Written {
				state = "new"
			}
		}
		fmt.Fprintf(r.Out, "%-9s  %s\n", state, c.Path)
	}
}

// apply brings the changes to the disk: the environment's folder at once, unless
// somebody stands in it.
func (r *releasing) apply(changes []output.Change) error {
	dir := path.Join(environment.Dir, r.env)
	var inside, others []output.Change
	for _, c := range changes {
		if strings.HasPrefix(c.Path, dir+"/") {
			inside = append(inside, c)
		} else {
			others = append(others, c)
		}
	}
	apply := func() error { return output.ApplyTree(r.root, dir, inside) }
	if rel, err := filepath.Rel(filepath.Join(r.root, filepath.FromSlash(dir)), r.Dir); err == nil && filepath.IsLocal(rel) {
		apply = func() error { return output.Apply(r.root, inside) }
	}
	return errors.Join(apply(), output.Apply(r.root, others))
}

// message is that of the commit.
func (r *releasing) message() commit.Message {
	m := commit.Message{
		Subject: fmt.Sprintf("%s: release %s %s", r.env, r.release, r.wanted.version()),
		Body:    r.wanted.String() + "\nreplaces " + r.was.String(),
	}
	if r.o.force {
		m.Trailers = append(m.Trailers, commit.Trailer{Key: "Force-Reason", Value: r.o.reason})
	}
	return m
}
