package image

import (
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// New returns an image of layers. What the config leaves out of architecture and system is filled in.
func New(config v1.Config, layers ...v1.Layer) (v1.Image, error) {
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	made, err := mutate.AppendLayers(base, layers...)
	if err != nil {
		return nil, err
	}
	file, err := made.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.Architecture, file.OS, file.Config = "amd64", "linux", config
	return mutate.ConfigFile(made, file)
}

// Read returns the image of a folder with an OCI layout that holds it alone.
func Read(folder string) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		return nil, fmt.Errorf("image in %s: %w", folder, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("image in %s: %w", folder, err)
	}
	if len(manifest.Manifests) != 1 {
		return nil, fmt.Errorf("%s holds %d images instead of 1", folder, len(manifest.Manifests))
	}
	return index.Image(manifest.Manifests[0].Digest)
}

// Push puts an image into a registry, address:port, under the name that clusters know it by: the registry is
// a mirror of the one in the name.
func Push(registry, reference string, made v1.Image) error {
	known, err := name.ParseReference(reference)
	if err != nil {
		return err
	}
	there, err := name.NewTag(registry+"/"+known.Context().RepositoryStr()+":"+known.Identifier(), name.Insecure)
	if err != nil {
		return err
	}
	if err := remote.Write(there, made, remote.WithTransport(http.DefaultTransport)); err != nil {
		return fmt.Errorf("pushing %s: %w", reference, err)
	}
	return nil
}
