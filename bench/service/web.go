package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const webConnections = 400

var webPaths = []string{"/", "/dynamic"}

// webSides are the names of the servers of the home routes, ours first.
var webSides = []string{"service", "net/http", "fasthttp", "waitress", "gunicorn"}

// python finds an interpreter that has all of Flask, waitress and gunicorn. Debian's packages
// are for Debian's own, which need not be the first in PATH.
func python(ctx context.Context) (string, error) {
	for _, candidate := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(ctx, candidate, "-c", "import flask, waitress, gunicorn").Run() == nil {
			return candidate, nil
		}
	}
	return "", errors.New("no python3 has Flask, waitress and gunicorn; on Debian: apt-get install python3-flask python3-waitress gunicorn")
}

// startWeb starts one of webSides.
func (b *bench) startWeb(side string) (*process, error) {
	if side == "service" {
		// A folder of its own: nothing of an earlier start may help or hinder.
		data, err := os.MkdirTemp(b.temp, "data")
		if err != nil {
			return nil, err
		}
		return startService(b.binary("service"), "DATA_DIR="+data)
	}
	host, port, err := freeAddress()
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(host, port)
	var cmd *exec.Cmd
	switch side {
	case "net/http":
		cmd = exec.Command(b.binary("nethttp"), address)
	case "fasthttp":
		cmd = exec.Command(b.binary("fasthttp"), address)
	case "waitress":
		cmd = exec.Command(b.python, "-m", "waitress", "--host", host, "--port", port, "--connection-limit", "2000", "app:app")
	case "gunicorn":
		cmd = exec.Command(b.python, "-m", "gunicorn", "--workers", "2", "--bind", address, "app:app")
	}
	cmd.Dir = filepath.Join(b.root, "bench", "service", "flask")
	cmd.Env = environment("PYTHONDONTWRITEBYTECODE=1")
	return launch(cmd, "http://"+address, b.temp)
}

// web measures the home routes.
func (b *bench) web(ctx context.Context) error {
	var err error
	if b.python, err = python(ctx); err != nil {
		return err
	}
	for round := range b.rounds {
		for _, side := range webSides {
			b.progress("web, round %d of %d: %s", round+1, b.rounds, side)
			if err := b.webTurn(ctx, side); err != nil {
				return fmt.Errorf("%s: %w", side, err)
			}
		}
	}
	return nil
}

func (b *bench) webTurn(ctx context.Context, side string) error {
	p, err := b.startWeb(side)
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := p.awaitReady(ctx, "/"); err != nil {
		return err
	}
	if err := proveWeb(ctx, p); err != nil {
		return err
	}
	// Not counted: connections, pools and Python's caches come about.
	if _, err := attack(ctx, p.base+"/dynamic", webConnections, 1, ""); err != nil {
		return err
	}
	for _, path := range webPaths {
		l, err := p.underLoad(ctx, path, webConnections, b.seconds, "")
		if err != nil {
			return err
		}
		b.result.add("web", path, side, l)
	}
	return nil
}

var dynamicAnswer = regexp.MustCompile(`^\{"dynamic":"(0\.\d+|1\.0+)"\}$`)

// proveWeb makes sure that a server gives the answers that the others give.
func proveWeb(ctx context.Context, p *process) error {
	body, err := fetch(ctx, http.DefaultClient, p.base+"/")
	if err != nil {
		return err
	}
	if got := strings.TrimSpace(string(body)); got != `{"link":"/dynamic"}` {
		return fmt.Errorf("/ answers %q", got)
	}
	if body, err = fetch(ctx, http.DefaultClient, p.base+"/dynamic"); err != nil {
		return err
	}
	if !dynamicAnswer.Match(body) {
		return fmt.Errorf("/dynamic answers %q", body)
	}
	return nil
}
