package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// postgres is a server of our own, on a socket in a temporary folder.
type postgres struct {
	dir       string
	process   *process
	databases int
}

// postgresPrograms finds the folder of the newest programs. Debian keeps them out of PATH.
func postgresPrograms() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL is missing; on Debian: apt-get install postgresql")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// startPostgres makes a cluster and serves it. Nothing waits for the disk: waiting would be the
// same on both sides and hide what differs.
func startPostgres(ctx context.Context) (*postgres, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	// Not inside the folder of the run, which is closed to the user that the server runs as. And
	// the path of a socket is at most 107 bytes long.
	dir, err := os.MkdirTemp("", "towpath-pg-")
	if err != nil {
		return nil, err
	}
	p := &postgres{dir: dir}
	if err := p.start(ctx, bin); err != nil {
		p.stop()
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	return p, nil
}

func (p *postgres) start(ctx context.Context, bin string) error {
	who, err := databaseOwner(p.dir)
	if err != nil {
		return err
	}
	data := filepath.Join(p.dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata="+data,
		"--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = p.dir, who
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", p.dir, "-c", "listen_addresses=",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off", "-c", "autovacuum=off")
	cmd.Dir, cmd.SysProcAttr = p.dir, who
	if p.process, err = launch(cmd, "", p.dir); err != nil {
		return err
	}
	deadline := time.Now().Add(readyTime)
	for {
		err := p.administer(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.process.done:
			return errors.New(p.process.log())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

// stop ends the server and removes its files.
func (p *postgres) stop() {
	if p.process != nil {
		p.process.stop() // an interrupt is its fast shutdown
	}
	os.RemoveAll(p.dir)
}

func (p *postgres) url(name string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + name, RawQuery: url.Values{"host": {p.dir}}.Encode()}
	return u.String()
}

// create makes an empty database and returns its URL.
func (p *postgres) create(ctx context.Context) (string, error) {
	p.databases++
	name := "bench_" + strconv.Itoa(p.databases)
	return p.url(name), p.administer(ctx, "CREATE DATABASE "+name)
}

func (p *postgres) administer(ctx context.Context, statement string) error {
	db, err := sql.Open("pgx", p.url("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // its work is done
	_, err = db.ExecContext(ctx, statement)
	return err
}
