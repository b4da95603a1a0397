// Package image makes container images without Docker: layers from files, images from layers, and a registry
// that serves them.
package image

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Store keeps layers in a folder, as the registry serves them, so that each is compressed once.
type Store struct{ dir string }

// NewStore returns the store in a folder, which it makes.
func NewStore(dir string) (*Store, error) {
	s := &Store{dir: dir}
	return s, os.MkdirAll(filepath.Join(s.blobs(), "sha256"), 0o755)
}

func (s *Store) blobs() string { return filepath.Join(s.dir, "blobs") }

// Registry serves the layers of the store, and the images that are pushed to it.
func (s *Store) Registry() http.Handler {
	return registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(s.blobs())), registry.Logger(log.New(io.Discard, "", 0)))
}

// layer is a layer of the store. It knows its digests without reading the file.
type layer struct {
	Compressedsum, Plainsum v1.Hash
	Bytes                   int64
	blobs                   string
}

func (l *layer) Digest() (v1.Hash, error)            { return l.Compressedsum, nil }
func (l *layer) DiffID() (v1.Hash, error)            { return l.Plainsum, nil }
func (l *layer) Size() (int64, error)                { return l.Bytes, nil }
func (l *layer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }
func (l *layer) Compressed() (io.ReadCloser, error)  { return os.Open(l.file()) }
func (l *layer) file() string {
	return filepath.Join(l.blobs, l.Compressedsum.Algorithm, l.Compressedsum.Hex)
}
func (l *layer) Uncompressed() (io.ReadCloser, error) {
	file, err := os.Open(l.file())
	if err != nil {
		return nil, err
	}
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{unzipped, file}, nil
}

// Layer returns the layer that is kept under a key, or makes it. The key has to say all that is in it.
func (s *Store) Layer(key string, write func(*tar.Writer) error) (v1.Layer, error) {
	sum := sha256.Sum256([]byte(key))
	note := filepath.Join(s.dir, hex.EncodeToString(sum[:16])+".json")
	made := &layer{blobs: s.blobs()}
	if data, err := os.ReadFile(note); err == nil {
		if err := json.Unmarshal(data, made); err == nil {
			if _, err := os.Stat(made.file()); err == nil {
				return made, nil
			}
		}
	}
	if err := s.make(made, write); err != nil {
		return nil, fmt.Errorf("layer %s: %w", key, err)
	}
	data, err := json.Marshal(made)
	if err != nil {
		return nil, err
	}
	return made, os.WriteFile(note, data, 0o644)
}

func (s *Store) make(made *layer, write func(*tar.Writer) error) (err error) {
	file, err := os.CreateTemp(s.dir, "layer-")
	if err != nil {
		return err
	}
	defer func() {
		if closing := file.Close(); err == nil {
			err = closing
		}
		if removing := os.Remove(file.Name()); err == nil && !errors.Is(removing, fs.ErrNotExist) {
			err = removing
		}
	}()
	compressed, plain := sha256.New(), sha256.New()
	// Images stay on this machine: speed counts, size does not.
	zipped, err := gzip.NewWriterLevel(io.MultiWriter(file, compressed), gzip.BestSpeed)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(io.MultiWriter(zipped, plain))
	if err := errors.Join(write(archive), archive.Close(), zipped.Close()); err != nil {
		return err
	}
	information, err := file.Stat()
	if err != nil {
		return err
	}
	made.Bytes, made.Compressedsum, made.Plainsum = information.Size(), digest(compressed), digest(plain)
	return os.Rename(file.Name(), made.file())
}

func digest(sum hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}
}
