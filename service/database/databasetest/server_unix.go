//go:build unix

package databasetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"database/sql"
)

const superuser = "postgres"

// startTime is how long a server may take to come up.
const startTime = time.Minute

var startOnce = sync.OnceValues(start)

// keeper runs the server for as long as its standard input stays open, then cleans up. The
// other end of that pipe is held by the test binary alone, so a test that panics or is killed
// leaves neither a server nor files behind.
const keeper = `
bin=$1 dir=$2
"$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c max_connections=200 \
	-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c autovacuum=off >"$dir/log" 2>&1 </dev/null &
echo started
cat >/dev/null
kill -QUIT $!
wait
rm -rf "$dir"
`

// start makes a cluster and runs its server. It returns the folder of the socket.
func start() (string, error) {
	bin, err := programs()
	if err != nil {
		return "", err
	}
	// The path of a socket is at most 107 bytes long; that of t.TempDir often is longer.
	dir, err := os.MkdirTemp("", "towpath-pg")
	if err != nil {
		return "", err
	}
	who, err := owner(dir)
	if err != nil {
		return "", err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "--pgdata="+filepath.Join(dir, "data"),
		"--username="+superuser, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, who
	if out, err := initdb.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if err := keep(bin, dir, who); err != nil {
		os.RemoveAll(dir)
		return "", err
	}
	return dir, await(dir)
}

// owner gives the folder to the user postgres when the test runs as root, since the programs
// refuse to run as root.
func owner(dir string) (*syscall.SysProcAttr, error) {
	// A group of its own keeps Ctrl-C at a terminal from the server before the tests are done.
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w; run apt-get install postgresql", err)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err1, err2, os.Chown(dir, uid, gid)); err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, nil
}

// lifeline is the test binary's end of the keeper's standard input. It is never closed: the
// variable keeps the garbage collector from doing so.
var lifeline io.Closer //nolint:unused // It is held, and never read.

func keep(bin, dir string, who *syscall.SysProcAttr) error {
	cmd := exec.Command("sh", "-c", keeper, "keeper", bin, dir)
	cmd.Dir, cmd.SysProcAttr = dir, who
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lifeline = in
	_, err = bufio.NewReader(out).ReadString('\n')
	return err
}

func await(dir string) error {
	db, err := sql.Open("pgx", URL(dir, "postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			return fmt.Errorf("PostgreSQL does not come up: %w\n%s", err, log)
		}
	}
}
