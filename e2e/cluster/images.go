package cluster

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"gitlab.com/towpath/towpath/e2e/image"
)

// The images that the cluster is given. The names are those that manifests use; what is in them was made here.
const (
	pauseImage   = "registry.k8s.io/pause:3.10"
	dnsImage     = "registry.k8s.io/coredns/coredns:v1.15.0"
	kubectlImage = "registry.k8s.io/kubectl:v1.33.13"
	argoCDImage  = "quay.io/argoproj/argocd:v2.14.21"
	dexImage     = "ghcr.io/dexidp/dex:v2.41.1"
	redisImage   = "docker.io/library/redis:7.2.11-alpine"
	serviceImage = "registry.gitlab.com/towpath/towpath/service"
	// Those of charts/postgres and charts/redis.
	bundledPostgresImage = "docker.io/library/postgres:17-bookworm"
	bundledRedisImage    = "docker.io/library/redis:7.4-bookworm"
)

const registryAddress = nodeAddress + ":5000"

// registry makes the images and serves them.
func (c *Cluster) registry(context.Context) error {
	store, err := image.NewStore(c.config.Cache)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", registryAddress)
	if err != nil {
		return err
	}
	go func() { c.fail(fmt.Errorf("registry: %w", http.Serve(listener, store.Registry()))) }()
	m := &maker{store: store, config: c.config}
	images := map[string]v1.Image{
		pauseImage:           m.scratch("pause", "/pause", v1.Config{Entrypoint: []string{"/pause"}, User: "65535:65535"}),
		dnsImage:             m.scratch("coredns", "/coredns", v1.Config{Entrypoint: []string{"/coredns"}}),
		kubectlImage:         m.scratch("kubernetes", "/usr/local/bin/kubectl", v1.Config{Entrypoint: []string{"kubectl"}, User: "65532"}),
		argoCDImage:          m.argoCD(),
		dexImage:             m.dex(),
		redisImage:           m.debian(v1.Config{Entrypoint: []string{"redis-server"}, User: "999", Env: path}),
		bundledPostgresImage: m.made(image.PostgreSQL(store, c.config.PostgreSQL)),
		bundledRedisImage:    m.made(image.Redis(store, c.config.Debian)),
	}
	images[serviceImage+":"+BrokenVersion] = m.debian(v1.Config{
		// It ends when it is told to, lest everybody wait for its pod's grace.
		Entrypoint: []string{"/bin/sh", "-c", `[ "$1" = migrate ] && exit; trap exit TERM; sleep infinity & wait`, "service"}, User: "65532:65532", Env: path,
	})
	for version, folder := range c.config.Service {
		images[serviceImage+":"+version] = m.made(image.Read(folder))
	}
	if m.err != nil {
		return m.err
	}
	digests := map[string]string{}
	for reference, made := range images {
		if err := image.Push(registryAddress, reference, made); err != nil {
			return err
		}
		digest, err := made.Digest()
		if err != nil {
			return err
		}
		digests[reference] = digest.String()
	}
	c.update(func(s *State) { s.Images = digests })
	return nil
}

var path = []string{image.Path}

// maker makes images until the first error.
type maker struct {
	store  *image.Store
	config Config
	err    error
}

func (m *maker) layer(key string, write func(*tar.Writer) error) v1.Layer {
	if m.err != nil {
		return nil
	}
	made, err := m.store.Layer(key, write)
	m.err = err
	return made
}

// made takes an image that another has made.
func (m *maker) made(made v1.Image, err error) v1.Image {
	if m.err == nil {
		m.err = err
	}
	return made
}

func (m *maker) image(config v1.Config, layers ...v1.Layer) v1.Image {
	if m.err != nil {
		return nil
	}
	made, err := image.New(config, layers...)
	m.err = err
	return made
}

// scratch is an image of one static program.
func (m *maker) scratch(program, to string, config v1.Config) v1.Image {
	config.Env = path
	return m.image(config, m.program(program, to))
}

// program is a layer of one program.
func (m *maker) program(name, to string) v1.Layer {
	if m.err != nil {
		return nil
	}
	file := m.config.Programs[name]
	var sum string
	if sum, m.err = sumOf(file); m.err != nil {
		return nil
	}
	return m.layer(fmt.Sprintf("%s %s", sum, to), func(archive *tar.Writer) error {
		return image.File(archive, file, to, 0o755)
	})
}

func sumOf(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func (m *maker) debianLayer() v1.Layer {
	if m.err != nil {
		return nil
	}
	made, err := m.store.SmallLayer(m.config.Debian)
	m.err = err
	return made
}

func (m *maker) debian(config v1.Config) v1.Image { return m.image(config, m.debianLayer()) }

// argoCD is what Argo CD's Dockerfile makes, on Debian and without Kustomize.
func (m *maker) argoCD() v1.Image {
	const bin = "/usr/local/bin/"
	files := m.layer("argocd files 2 "+filepath.Base(filepath.Dir(m.config.Scripts))+filepath.Base(m.config.Debian), func(archive *tar.Writer) error {
		for _, script := range []string{"gpg-wrapper.sh", "git-verify-wrapper.sh"} {
			if err := image.File(archive, filepath.Join(m.config.Scripts, script), bin+script, 0o755); err != nil {
				return err
			}
		}
		if err := image.File(archive, filepath.Join(m.config.Scripts, "..", "entrypoint.sh"), bin+"entrypoint.sh", 0o755); err != nil {
			return err
		}
		for _, name := range []string{
			"argocd-server", "argocd-repo-server", "argocd-application-controller", "argocd-dex", "argocd-notifications",
			"argocd-applicationset-controller", "argocd-git-ask-pass",
		} {
			if err := image.Link(archive, bin+name, bin+"argocd"); err != nil {
				return err
			}
		}
		for _, folder := range []string{"/home/argocd", "/app/config/ssh", "/app/config/tls", "/app/config/gpg/source", "/app/config/gpg/keys"} {
			if err := image.Folder(archive, folder, 0o700, 999); err != nil {
				return err
			}
		}
		users, err := os.ReadFile(filepath.Join(m.config.Debian, "etc", "passwd"))
		if err != nil {
			return err
		}
		return image.Text(archive, "/etc/passwd", string(users)+"argocd:x:999:999::/home/argocd:/bin/sh\n", 0o644)
	})
	return m.image(v1.Config{
		Entrypoint: []string{"/usr/bin/tini", "--"}, User: "999", WorkingDir: "/home/argocd", Env: append([]string{"USER=argocd", "HOME=/home/argocd", lazily}, path...),
	}, m.debianLayer(), m.program("argocd", bin+"argocd"), m.program("helm", bin+"helm"), files)
}

// dex has Argo CD's own program put in, which looks for Dex's and only starts it once single sign-on is configured.
// It is not here.
func (m *maker) dex() v1.Image {
	return m.image(v1.Config{User: "1001", Env: path}, m.debianLayer(), m.layer("no dex 1", func(archive *tar.Writer) error {
		return image.Link(archive, "/usr/local/bin/dex", "/bin/false")
	}))
}
