package ahead

import (
	"io/fs"
	"os"
	"slices"
	"sync"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/kept"
)

// Kept are the results of earlier runs, and the state of the repository that they are
// looked for in.
type Kept struct {
	Repo    *kept.Snapshot
	Results *kept.Results

	loader *environment.Loader

	mu sync.Mutex
	// begun is the folder that is being loaded, if one is.
	begun *folder
	// isAsked tells that somebody has loaded folders: it is too late to begin.
	isAsked bool
}

// folder is one that is loaded, once.
type folder struct {
	environment.Folder
	load func() loaded
}

type loaded struct {
	environments map[environment.Folder]*environment.Environment
	files        map[environment.Folder][]string
	err          error
}

// results are those of earlier runs that the command line seems to ask for.
var results guess[*Kept]

// format is the one that is guessed.
const format = "yaml"

// wantedKept returns the environments whose objects a command with these arguments is
// going to print, from what is kept if it can.
func wantedKept(repo fs.FS, args []string) []string {
	if args[0] != "render" || !slices.Contains(args, "--manifests") || slices.Contains(args, "--no-cache") || slices.ContainsFunc(args, isElsewhere) {
		return nil
	}
	all, err := environment.Names(repo)
	if err != nil {
		return nil
	}
	return namedOrAll(all, args[1:])
}

// startKept looks for what is kept of the environments in a folder.
func startKept(root, dir string, names []string) {
	results.begin([]string{root, dir}, func() (*Kept, error) {
		k, err := openKept(root, dir)
		if err == nil {
			go k.find(names)
		}
		return k, err
	})
}

// OpenKept opens the results that are kept in a folder for the repository in the folder
// root.
func OpenKept(root, dir string) (*Kept, error) {
	if result := results.take([]string{root, dir}); result != nil {
		return result()
	}
	return openKept(root, dir)
}

func openKept(root, dir string) (*Kept, error) {
	repo := kept.NewSnapshot(os.DirFS(root))
	results, err := kept.Open(dir, repo)
	if err != nil {
		return nil, err
	}
	return &Kept{Repo: repo, Results: results, loader: environment.NewLoader(repo)}, nil
}

// find looks for what the releases of the environments' folders render to. Where all but
// the folder that was written last are as they were, that one is loaded: it is what
// somebody is working on.
func (k *Kept) find(names []string) {
	folders, err := environment.Folders(k.Repo, names)
	if err != nil {
		return
	}
	environment.NewestFirst(k.Repo, folders)
	questions := make([]string, len(folders))
	for i, f := range folders {
		questions[i] = kept.Manifests(format, f.Path())
	}
	const few = 2
	k.Results.Expect(questions[:min(few, len(questions))])
	if len(folders) >= few && !k.isKept(questions[0]) && k.isKept(questions[1]) {
		k.begin(folders[0])
		return
	}
	k.Results.Expect(questions[min(few, len(questions)):])
}

func (k *Kept) isKept(question string) bool {
	_, ok := k.Results.Get(question)
	return ok
}

// begin loads a folder, unless somebody loads what they need already.
func (k *Kept) begin(f environment.Folder) {
	load := sync.OnceValue(func() loaded { return k.load([]environment.Folder{f}) })
	k.mu.Lock()
	if k.isAsked {
		k.mu.Unlock()
		return
	}
	k.begun = &folder{f, load}
	k.mu.Unlock()
	load()
}

func (k *Kept) load(folders []environment.Folder) (l loaded) {
	l.environments, l.files, l.err = k.loader.Folders(folders)
	return l
}

// Load is [environment.Loader.Folders] of the repository.
func (k *Kept) Load(folders []environment.Folder) (map[environment.Folder]*environment.Environment, map[environment.Folder][]string, error) {
	k.mu.Lock()
	begun := k.begun
	k.begun, k.isAsked = nil, true
	k.mu.Unlock()
	var l loaded
	if begun != nil && slices.Equal(folders, []environment.Folder{begun.Folder}) {
		l = begun.load()
	} else {
		l = k.load(folders)
	}
	return l.environments, l.files, l.err
}
