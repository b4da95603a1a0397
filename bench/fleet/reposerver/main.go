// Reposerver renders a fleet with Argo CD's own repo-server, the process that does so
// in a cluster.
//
//	reposerver -plan plan.json -repository DIR -argocd FILE -helm FILE [-jobs N] -dir DIR
//
// It starts the server from Argo CD's binary, asks it for the manifests of each release
// by the API that the application controller uses, so many at a time, and writes them to
// DIR/ENV/RELEASE.yaml. The server clones the repository, a folder of this machine,
// and starts the Helm that it is given for each release. It has no Redis, so that it
// renders each release, and is told that Helm may work on several at once.
//
// What counts is the time from the first question to the last answer, and the CPU time
// of the server and of all that it starts. It goes to stderr as JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v2/reposerver/apiclient"
	"golang.org/x/sync/errgroup"

	"gitlab.com/towpath/towpath/bench/fleet/plan"
)

type options struct {
	plan, repository, argocd, helm, dir string
	jobs                                int
}

func main() {
	var o options
	flag.StringVar(&o.plan, "plan", "plan.json", "file with the releases")
	flag.StringVar(&o.repository, "repository", ".", "folder of the fleet's repository, with a commit")
	flag.StringVar(&o.argocd, "argocd", "", "Argo CD's binary")
	flag.StringVar(&o.helm, "helm", "", "Helm's binary")
	flag.StringVar(&o.dir, "dir", "", "folder to write to")
	flag.IntVar(&o.jobs, "jobs", 1, "releases asked for at a time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "reposerver:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	releases, err := plan.Read(o.plan)
	if err != nil {
		return err
	}
	commit, err := exec.CommandContext(ctx, "git", "-C", o.repository, "rev-parse", "HEAD").Output()
	if err != nil {
		return fmt.Errorf("the repository's commit: %w", err)
	}
	server, err := start(o)
	if err != nil {
		return err
	}
	used := plan.Used{}
	defer func() {
		cpu, stopErr := server.stop()
		if err = errors.Join(err, stopErr); err == nil {
			used.CPU = cpu
			err = json.NewEncoder(os.Stderr).Encode(used)
		}
	}()
	if err := server.ready(ctx); err != nil {
		return err
	}
	closer, client, err := apiclient.NewRepoServerClientset(server.address, 0, apiclient.TLSConfiguration{DisableTLS: true}).NewRepoServerClient()
	if err != nil {
		return err
	}
	defer func() { _ = closer.Close() }() // All has been answered.
	begin := time.Now()
	var group errgroup.Group
	group.SetLimit(o.jobs)
	for _, r := range releases {
		group.Go(func() error {
			answer, err := client.GenerateManifest(ctx, question(o.repository, strings.TrimSpace(string(commit)), r))
			if err != nil {
				return fmt.Errorf("%s/%s: %w", r.Environment, r.Name, err)
			}
			return write(filepath.Join(o.dir, r.Environment, r.Name+".yaml"), answer.Manifests)
		})
	}
	err = group.Wait()
	used.Wall = time.Since(begin)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, server.messages())
	}
	return nil
}

// question asks for the manifests of a release as the controller does for its
// Application, without the mark by which Argo CD finds its objects again.
func question(repository, commit string, r plan.Release) *apiclient.ManifestRequest {
	address := "file://" + filepath.ToSlash(repository)
	return &apiclient.ManifestRequest{
		Repo:     &v1alpha1.Repository{Repo: address},
		Revision: commit,
		AppName:  r.Name, Namespace: r.Namespace, ProjectName: r.Environment, ProjectSourceRepos: []string{"*"},
		KubeVersion: r.KubernetesVersion + ".0",
		ApplicationSource: &v1alpha1.ApplicationSource{
			RepoURL: address, Path: "charts/" + r.Chart, TargetRevision: commit,
			Helm: &v1alpha1.ApplicationSourceHelm{
				ReleaseName: r.Name, SkipTests: true, KubeVersion: r.KubernetesVersion + ".0",
				ValueFiles: []string{"/envs/" + r.Environment + "/values/" + r.Name + ".yaml"},
			},
		},
	}
}

func write(name string, manifests []string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(strings.Join(manifests, "\n---\n")), 0o644)
}

// server is Argo CD's repo-server.
type server struct {
	address string
	cmd     *exec.Cmd
	temp    string // the folder of all that it writes
}

// start starts the server on a free port of this machine.
func start(o options) (*server, error) {
	temp, err := os.MkdirTemp("", "towpath-reposerver-")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	metrics, err := freePort()
	if err != nil {
		return nil, err
	}
	// It looks for a program of this name.
	if err := os.Symlink(o.helm, filepath.Join(temp, "helm")); err != nil {
		return nil, err
	}
	s := &server{address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), temp: temp}
	s.cmd = exec.Command(o.argocd, "--address", "127.0.0.1", "--port", strconv.Itoa(port), "--metrics-address", "127.0.0.1", "--metrics-port", strconv.Itoa(metrics),
		"--disable-tls", "--redis", "127.0.0.1:1", "--loglevel", "error", "--parallelismlimit", strconv.Itoa(2*o.jobs))
	s.cmd.Env = append(os.Environ(), "ARGOCD_BINARY_NAME=argocd-repo-server", "ARGOCD_GPG_ENABLED=false", "ARGOCD_HELM_ALLOW_CONCURRENCY=true",
		"PATH="+temp+string(os.PathListSeparator)+os.Getenv("PATH"), "TMPDIR="+temp, "HOME="+temp)
	log, err := os.Create(s.log())
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // The server has its own.
	s.cmd.Stdout, s.cmd.Stderr = log, log
	return s, s.cmd.Start()
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = listener.Close() }() // Only to learn the port.
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// mostWait is how long the server may take to listen.
const mostWait = time.Minute

func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, mostWait)
	defer cancel()
	for {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", s.address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the repo-server does not listen on %s: %w\n%s", s.address, err, s.messages())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop ends the server and returns the CPU time that it and its children used.
func (s *server) stop() (time.Duration, error) {
	defer os.RemoveAll(s.temp)
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, errors.Join(err, s.cmd.Wait())
	}
	_ = s.cmd.Wait() // It was told to end.
	return s.cmd.ProcessState.UserTime() + s.cmd.ProcessState.SystemTime(), nil
}

// messages are the last that the server has written.
func (s *server) messages() string {
	text, err := os.ReadFile(s.log())
	if err != nil {
		return err.Error()
	}
	const most = 2000
	return string(text[max(0, len(text)-most):])
}

func (s *server) log() string { return filepath.Join(s.temp, "log") }
