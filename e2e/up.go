package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/bench/toolcache"
	"gitlab.com/towpath/towpath/e2e/bake"
	"gitlab.com/towpath/towpath/e2e/build"
	"gitlab.com/towpath/towpath/e2e/cluster"
	"gitlab.com/towpath/towpath/e2e/image"
	"gitlab.com/towpath/towpath/e2e/sandbox"
)

// needs are the programs that a machine has to have, by the Debian package that brings each.
var needs = map[string]string{
	"buildah": "buildah", "conntrack": "conntrack", "containerd": "containerd", "debootstrap": "debootstrap", "git": "git", "ip": "iproute2",
	"ipset": "ipset", "iptables": "iptables", "nice": "coreutils", "nsenter": "util-linux", "redis-server": "redis-server", "runc": "runc",
	"/usr/lib/cni/host-local": "containernetworking-plugins",
}

func up(ctx context.Context, dir string, out io.Writer) error {
	if isUp(dir) {
		fmt.Fprintln(out, "The cluster is up already.")
		return status(dir, out)
	}
	if err := checkNeeds(); err != nil {
		return err
	}
	if err := down(ctx, dir); err != nil { // What a killed cluster has left.
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, marker), nil, 0o644); err != nil {
		return err
	}
	start := time.Now()
	config, err := prepare(ctx, dir, out)
	if err == nil {
		err = startAndFollow(ctx, dir, config, out)
	}
	if err != nil {
		return errors.Join(err, abandon(dir))
	}
	fmt.Fprintf(out, "Up after %.0f s.\n\n", time.Since(start).Seconds())
	return status(dir, out)
}

func checkNeeds() error {
	var missing []string
	for program, pkg := range needs {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, pkg)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("programs are missing: apt-get install %s", strings.Join(missing, " "))
	}
	if os.Geteuid() != 0 {
		return errors.New("namespaces, mounts and cgroups need root: run it with sudo")
	}
	return nil
}

// prepare builds what is not kept, and writes the configuration.
func prepare(ctx context.Context, dir string, out io.Writer) (cluster.Config, error) {
	var config cluster.Config
	source, err := goOutput(ctx, ".", "list", "-m", "-f", "{{.Dir}}", "gitlab.com/towpath/towpath/e2e")
	if err != nil {
		return config, err
	}
	cache, err := build.Cache()
	if err != nil {
		return config, err
	}
	config.Repository = filepath.Dir(source)
	config.Cache = filepath.Join(cache, "images")
	config.Programs = map[string]string{}
	for _, program := range build.Kept {
		if err := step(out, "build "+program.Name, func() (err error) {
			config.Programs[program.Name], err = program.Make(ctx, source)
			return err
		}); err != nil {
			return config, err
		}
	}
	for _, current := range []struct{ name, module, pkg string }{
		{"pause", source, "./pause"},
		{"gen", config.Repository, "./gen"},
	} {
		to := filepath.Join(dir, "bin", current.name)
		config.Programs[current.name] = to
		if err := step(out, "build "+current.name, func() error {
			return build.Current(ctx, current.module, current.pkg, to)
		}); err != nil {
			return config, err
		}
	}
	if err := step(out, "build helm", func() (err error) {
		// Argo CD v2.14 brings this one.
		config.Programs["helm"], err = toolcache.Helm316.Install(ctx)
		return err
	}); err != nil {
		return config, err
	}
	if err := step(out, "a small Debian", func() (err error) {
		config.Debian, err = image.Small.Make(ctx, cache)
		return err
	}); err != nil {
		return config, err
	}
	if err := step(out, "a Debian with PostgreSQL", func() (err error) {
		config.PostgreSQL, err = image.WithPostgreSQL.Make(ctx, cache)
		return err
	}); err != nil {
		return config, err
	}
	oven, err := bake.Service(ctx, config.Repository, cache, config.Debian)
	if err != nil {
		return config, err
	}
	config.Service = map[string]string{}
	for _, version := range []string{cluster.FirstVersion, cluster.NextVersion} {
		if err := step(out, "build the image of the service "+version, func() (err error) {
			config.Service[version], err = oven.Build(ctx, config.Repository, "VERSION="+version)
			return err
		}); err != nil {
			return config, err
		}
	}
	argoCD, err := goOutput(ctx, filepath.Join(source, "argocd"), "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-cd/v2")
	if err != nil {
		return config, err
	}
	config.Manifests = filepath.Join(argoCD, "manifests", "install.yaml")
	config.Scripts = filepath.Join(argoCD, "hack")
	calico, err := goOutput(ctx, filepath.Join(source, "calico"), "list", "-m", "-f", "{{.Dir}}", "github.com/projectcalico/calico")
	if err != nil {
		return config, err
	}
	config.CalicoKinds = filepath.Join(calico, "libcalico-go", "config", "crd")
	config.Kinds, err = kinds(ctx)
	return config, err
}

// kinds are the files that define the Prometheus Operator's kinds, as its Go module has them.
func kinds(ctx context.Context) ([]string, error) {
	described, err := goOutput(ctx, ".", "mod", "download", "-json", "github.com/prometheus-operator/prometheus-operator@v0.85.0")
	if err != nil {
		return nil, err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal([]byte(described), &module); err != nil {
		return nil, err
	}
	folder := filepath.Join(module.Dir, "example", "prometheus-operator-crd")
	return []string{
		filepath.Join(folder, "monitoring.coreos.com_servicemonitors.yaml"),
		filepath.Join(folder, "monitoring.coreos.com_prometheusrules.yaml"),
	}, nil
}

// startAndFollow starts the sandbox and prints its steps as they end.
func startAndFollow(ctx context.Context, dir string, config cluster.Config, out io.Writer) error {
	var files []*os.File
	for _, address := range []*string{&config.Outside.Kubernetes, &config.Outside.ArgoCD, &config.Outside.Proxy} {
		// Of the machine's network: the sandbox accepts what comes, and passes it on to its own.
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer listener.Close()
		*address = listener.Addr().String()
		file, err := listener.(*net.TCPListener).File()
		if err != nil {
			return err
		}
		defer file.Close()
		files = append(files, file)
	}
	data, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), data, 0o644); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "sandbox.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	process, err := sandbox.Start(sandbox.Config{
		Dir: dir, Program: []string{filepath.Join(dir, "bin", "e2e"), "run", "--dir", dir}, Files: files, Log: log,
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "keeper.pid"), []byte(strconv.Itoa(process.Pid)), 0o644); err != nil {
		return err
	}
	return follow(ctx, dir, process.Pid, out)
}

func follow(ctx context.Context, dir string, pid int, out io.Writer) error {
	printed := 0
	for {
		alive := sandbox.Alive(dir, pid)
		state, err := cluster.ReadState(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for ; printed < len(state.Steps) && state.Steps[printed].Done; printed++ {
			printStep(out, state.Steps[printed].Name, state.Steps[printed].Seconds)
		}
		switch {
		case state.Failure != "":
			return errors.New(state.Failure)
		case state.Ready:
			return nil
		case !alive:
			data, _ := os.ReadFile(filepath.Join(dir, "sandbox.log"))
			return fmt.Errorf("the sandbox has ended:\n%s", data)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// abandon ends what came up half. The logs stay, beside.
func abandon(dir string) error {
	logs := strings.TrimSuffix(dir, "/") + "-logs"
	_ = os.RemoveAll(logs)
	if err := os.Rename(filepath.Join(dir, "logs"), logs); err == nil {
		fmt.Fprintln(os.Stderr, "The logs are in", logs)
	}
	return down(context.Background(), dir)
}

// marker is a file in the folder of a cluster, lest another folder be removed by mistake.
const marker = "towpath-e2e"

// down ends the sandbox, if one is there, and removes its folder.
func down(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, marker)); err != nil {
		return fmt.Errorf("%s is not the folder of a cluster: name another with --dir, or remove it yourself", dir)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	pid, err := keeper(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		pid = -1 // It got no further than building.
	case err != nil:
		return err
	}
	if err := sandbox.Stop(ctx, dir, pid); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

func keeper(dir string) (int, error) {
	data, err := os.ReadFile(filepath.Join(dir, "keeper.pid"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(data)))
}

// isUp tells whether a sandbox runs in the folder.
func isUp(dir string) bool {
	pid, err := keeper(dir)
	return err == nil && sandbox.Alive(dir, pid)
}

func status(dir string, out io.Writer) error {
	if !isUp(dir) {
		fmt.Fprintln(out, "No cluster is up. Bring one up with: go run . up")
		return nil
	}
	state, err := cluster.ReadState(dir)
	if err != nil {
		return err
	}
	config, err := cluster.ReadConfig(dir)
	if err != nil {
		return err
	}
	switch {
	case state.Failure != "":
		fmt.Fprintln(out, "The cluster has failed:", state.Failure)
	case !state.Ready:
		fmt.Fprintf(out, "The cluster is coming up: %s\n", state.Steps[len(state.Steps)-1].Name)
	default:
		fmt.Fprintln(out, "The cluster is up.")
	}
	fmt.Fprintf(out, `
  kubectl     export KUBECONFIG=%[1]s/kubeconfig/outside PATH=%[1]s/bin:$PATH
  Argo CD     https://%[2]s, user admin, password from
              kubectl -n argocd get secret argocd-initial-admin-secret -o jsonpath='{.data.password}' | base64 -d
  repository  git clone %[1]s/git/towpath/towpath.git
  Services    curl --proxytunnel -x http://%[3]s http://service.towpath-stage.svc.cluster.local/
  logs        %[1]s/logs
`, dir, config.Outside.ArgoCD, config.Outside.Proxy)
	return nil
}

// run is the program in the sandbox.
func run(ctx context.Context, dir string) error {
	var listeners []net.Listener
	for number := range 3 {
		file := os.NewFile(uintptr(3+number), "listener")
		listener, err := net.FileListener(file)
		if err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
		listeners = append(listeners, listener)
	}
	return cluster.Run(ctx, dir, listeners)
}

// step runs one step on the machine itself and prints how long it took.
func step(out io.Writer, name string, do func() error) error {
	start := time.Now()
	if err := do(); err != nil {
		return err
	}
	printStep(out, name, time.Since(start).Seconds())
	return nil
}

func printStep(out io.Writer, name string, seconds float64) {
	fmt.Fprintf(out, "%7.1f s  %s\n", seconds, name)
}

// goOutput is what the go command prints in a folder.
func goOutput(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	var messages bytes.Buffer
	cmd.Stderr = &messages
	data, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, messages.Bytes())
	}
	return strings.TrimSpace(string(data)), nil
}
