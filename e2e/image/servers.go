package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// postgresMajor is the major version that the image of PostgreSQL has.
const postgresMajor = "17"

// Path is where programs are found in images on Debian.
const Path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

//go:embed entrypoint/postgres.sh
var postgresEntrypoint string

// PostgreSQL is an image that can be used as the official one on Debian: its programs, its entrypoint, its folders, its
// locale. The root is that of [WithPostgreSQL].
func PostgreSQL(s *Store, root string) (v1.Image, error) {
	const (
		sample = "/usr/share/postgresql/" + postgresMajor + "/postgresql.conf.sample"
		data   = "/var/lib/postgresql/data"
		socket = "/run/postgresql"
	)
	// The cluster that Debian makes at once is left out.
	system, err := s.debianLayer(root, "etc/postgresql/", "var/lib/postgresql/")
	if err != nil {
		return nil, err
	}
	owner, err := ownerOf(filepath.Join(root, "var", "lib", "postgresql"))
	if err != nil {
		return nil, err
	}
	configuration, err := os.ReadFile(filepath.Join(root, sample))
	if err != nil {
		return nil, err
	}
	// Debian's server listens to its own machine alone.
	listening := bytes.Replace(configuration, []byte("#listen_addresses = 'localhost'"), []byte("listen_addresses = '*'"), 1)
	if bytes.Equal(listening, configuration) {
		return nil, fmt.Errorf("%s has no listen_addresses", sample)
	}
	files, err := s.Layer(fmt.Sprintf("postgres 1 %x", sha256.Sum256(append(listening, postgresEntrypoint...))), func(archive *tar.Writer) error {
		return errors.Join(
			Folder(archive, data, 0o1777, owner),
			Folder(archive, socket, 0o3777, owner),
			Folder(archive, "/docker-entrypoint-initdb.d", 0o755, 0),
			Text(archive, sample, string(listening), 0o644),
			Text(archive, "/usr/local/bin/docker-entrypoint.sh", postgresEntrypoint, 0o755),
		)
	})
	if err != nil {
		return nil, err
	}
	return New(v1.Config{
		Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"postgres"}, StopSignal: "SIGINT",
		Env:          []string{Path + ":/usr/lib/postgresql/" + postgresMajor + "/bin", "LANG=en_US.utf8", "PG_MAJOR=" + postgresMajor, "PGDATA=" + data},
		ExposedPorts: map[string]struct{}{"5432/tcp": {}}, Volumes: map[string]struct{}{data: {}},
	}, system, files)
}

// Redis is an image that can be used as the official one on Debian is by those who bring their own command. The root
// is that of [Small].
func Redis(s *Store, root string) (v1.Image, error) {
	const data = "/data"
	system, err := s.SmallLayer(root)
	if err != nil {
		return nil, err
	}
	owner, err := ownerOf(filepath.Join(root, "var", "lib", "redis"))
	if err != nil {
		return nil, err
	}
	folder, err := s.Layer(fmt.Sprintf("redis 1 %d", owner), func(archive *tar.Writer) error { return Folder(archive, data, 0o755, owner) })
	if err != nil {
		return nil, err
	}
	return New(v1.Config{
		Cmd: []string{"redis-server"}, Env: []string{Path}, WorkingDir: data,
		ExposedPorts: map[string]struct{}{"6379/tcp": {}}, Volumes: map[string]struct{}{data: {}},
	}, system, folder)
}
