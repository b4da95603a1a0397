//go:build unix

package pgserver

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// keeper runs the server until it reads from its standard input how to stop it. The other end of
// that pipe is held by our process alone, so when we panic or are killed the keeper reads the end
// of the file, and leaves neither a server nor files behind.
type keeper struct {
	cmd *exec.Cmd
	in  io.WriteCloser
}

// The script takes the folder and then the server's command line.
const script = `
dir=$1; shift
"$@" >>"$dir/log" 2>&1 </dev/null &
echo started
read -r how || how=end
case $how in
fast) kill -INT $! ;;
*) kill -QUIT $! ;;
esac
wait
[ "$how" != end ] || rm -rf "$dir"
`

// create makes the cluster.
func (s *Server) create() (err error) {
	// The path of a socket is at most 107 bytes long; that of a test's folder often is longer. And
	// that one may be closed to the user that the server runs as.
	if s.dir, err = os.MkdirTemp("", "towpath-pg"); err != nil {
		return err
	}
	who, err := owner(s.dir)
	if err != nil {
		return err
	}
	initdb := exec.Command(filepath.Join(s.bin, "initdb"), "--pgdata="+filepath.Join(s.dir, "data"),
		"--username="+superuser, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = s.dir, who
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// owner gives the folder to the user postgres when we are root, since the programs refuse to run
// as root.
func owner(dir string) (*syscall.SysProcAttr, error) {
	// A group of its own keeps Ctrl-C at a terminal from the server before its users are done.
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w; run apt-get install postgresql", err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2, os.Chown(dir, int(uid), int(gid))); err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, nil
}

// Restart starts a server that was stopped, and returns when it answers.
func (s *Server) Restart() error {
	who, err := owner(s.dir)
	if err != nil {
		return err
	}
	args := []string{"-c", script, "keeper", s.dir, filepath.Join(s.bin, "postgres"),
		"-D", filepath.Join(s.dir, "data"), "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200"}
	if !s.options.Durable {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off", "-c", "autovacuum=off")
	}
	cmd := exec.Command("sh", args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, who
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
	s.running = &keeper{cmd, in}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return err
	}
	return s.await()
}

func (s *Server) await() error {
	db, err := sql.Open("pgx", s.URL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
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
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("PostgreSQL does not come up: %w\n%s", err, log)
		}
	}
}

// Stop ends the server in good order: its clients are told, and cut off.
func (s *Server) Stop() error { return s.end("fast\n") }

// Kill ends the server at once, without a word to its clients' transactions or to its disk.
func (s *Server) Kill() error { return s.end("immediate\n") }

func (s *Server) end(how string) error {
	if s.running == nil {
		return nil
	}
	_, err := io.WriteString(s.running.in, how)
	closed := s.running.in.Close()
	waited := s.running.cmd.Wait()
	s.running = nil
	if err := errors.Join(err, closed, waited); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

// Close ends the server and removes its data.
func (s *Server) Close() {
	_ = s.end("immediate\n") // what is left of it is removed
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}
