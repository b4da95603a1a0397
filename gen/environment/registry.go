package environment

import (
	"context"
	"fmt"

	"cuelang.org/go/mod/modfile"
	"cuelang.org/go/mod/module"
)

// noRegistry refuses to fetch CUE modules: what an environment says is decided
// by the repository alone, and rendering works offline.
type noRegistry struct{}

func (noRegistry) ModFile(_ context.Context, m module.Version) (*modfile.File, error) {
	return nil, refuse(m.String())
}

func (noRegistry) Fetch(_ context.Context, m module.Version) (module.SourceLoc, error) {
	return module.SourceLoc{}, refuse(m.String())
}

func (noRegistry) ModuleVersions(_ context.Context, path string) ([]string, error) {
	return nil, refuse(path)
}

func refuse(name string) error {
	return fmt.Errorf("module %s: environments use packages of this repository only; copy it into %s/", name, Dir)
}
