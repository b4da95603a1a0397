package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/argocd/argocdtest"
)

// container is a running image of the service, at an address of its own.
type container struct {
	address *url.URL
	cmd     *exec.Cmd
	log     bytes.Buffer
}

// start runs the service with SQLite, on loopback.
func start(t *testing.T, binary string) *container {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	c := &container{address: &url.URL{Scheme: "http", Host: host}, cmd: exec.Command(binary)}
	_, port, _ := net.SplitHostPort(host)
	c.cmd.Env = append(environ(), "HOST=127.0.0.1", "PORT="+port, "METRICS_PORT=0", "DATA_DIR="+t.TempDir(), "DRAIN_DELAY=0s")
	c.cmd.Stdout, c.cmd.Stderr = &c.log, &c.log
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	return c
}

func (c *container) stop() {
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Signal(syscall.SIGINT)
		_ = c.cmd.Wait()
	}
}

// ready reports whether it is as the readiness probe wants it.
func (c *container) ready() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address.JoinPath("readyz").String(), nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// cluster is the clusters of all environments with the Argo CD that looks after
// them: as soon as it is asked about an environment it has that run the image which
// the environment's branch names at the remote.
type cluster struct {
	t        *testing.T
	origin   string
	registry registry
	api      *argocdtest.Server

	mu   sync.Mutex
	envs map[string]*deployed
}

// deployed is an environment as it runs.
type deployed struct {
	// branch is what Argo CD follows.
	branch  string
	ingress *httptest.Server

	image   string
	service *container
	// broken is a path that is answered with 503, "" for none.
	broken string
	// degraded has Argo CD say so.
	degraded bool
	looks    int
}

// startCluster starts stage and prod, with nothing in them, and has jobs look there.
func startCluster(t *testing.T, r *Repository, images registry) *cluster {
	t.Helper()
	c := &cluster{t: t, origin: r.Origin, registry: images, envs: map[string]*deployed{}}
	for name, branch := range map[string]string{"stage": "main", "prod": "env/prod"} {
		env := &deployed{branch: branch}
		env.ingress = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			c.mu.Lock()
			service, broken := env.service, env.broken
			c.mu.Unlock()
			if service == nil || broken != "" && req.URL.Path == broken {
				http.Error(w, "no healthy upstream", http.StatusServiceUnavailable)
				return
			}
			httputil.NewSingleHostReverseProxy(service.address).ServeHTTP(w, req)
		}))
		t.Cleanup(env.ingress.Close)
		c.envs[name] = env
		r.Variables = append(r.Variables, Variable{Name: strings.ToUpper(name) + "_URL", Value: env.ingress.URL})
	}
	c.api = argocdtest.Start(c.look)
	t.Cleanup(c.api.Close)
	for name, value := range c.api.Variables() {
		r.Variables = append(r.Variables, Variable{Name: name, Value: value})
	}
	return c
}

// change changes an environment.
func (c *cluster) change(name string, how func(*deployed)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	how(c.envs[name])
}

// look is what Argo CD says of an Application. One that was just told another image
// is Progressing, until the service is ready.
func (c *cluster) look(namespace, name string) argocdtest.State {
	c.mu.Lock()
	defer c.mu.Unlock()
	envName := strings.TrimPrefix(namespace, "argocd-")
	env := c.envs[envName]
	if env == nil || name != "service" {
		return argocdtest.State{Code: http.StatusForbidden}
	}
	commit, image, err := c.wanted(envName, env.branch)
	if err != nil {
		return argocdtest.State{Sync: "Unknown", Health: "Missing"}
	}
	env.looks++
	state := argocdtest.State{Revision: commit, LastSync: commit, Sync: "Synced", Health: "Progressing", Phase: "Succeeded", Images: []string{image}}
	binary := c.registry.pull(image)
	switch {
	case binary == "":
		state.Health, state.Unhealthy = "Degraded", "Back-off pulling image "+image
	case image != env.image:
		if env.service != nil {
			env.service.stop()
		}
		env.image, env.service = image, start(c.t, binary)
	case env.degraded:
		state.Health, state.Unhealthy = "Degraded", "exceeded its progress deadline"
	case env.service.ready():
		state.Health = "Healthy"
	}
	return state
}

// wanted returns the commit that an environment follows, and the image that it names.
func (c *cluster) wanted(env, branch string) (commit, image string, err error) {
	git := func(args ...string) (string, error) {
		cmd := exec.Command("git", append([]string{"--git-dir", c.origin}, args...)...)
		cmd.Env = append(environ(), "HOME="+os.DevNull)
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	if commit, err = git("rev-parse", "--verify", "--quiet", "refs/heads/"+branch); err != nil {
		return "", "", err
	}
	text, err := git("show", commit+":envs/"+env+"/values/service.yaml")
	if err != nil {
		return "", "", err
	}
	var values struct {
		Image struct{ Repository, Tag, Digest string }
	}
	if err := yaml.Unmarshal([]byte(text), &values); err != nil {
		return "", "", err
	}
	i := values.Image
	return commit, fmt.Sprintf("%s:%s@%s", i.Repository, i.Tag, i.Digest), nil
}
