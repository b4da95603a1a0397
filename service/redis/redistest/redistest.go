// Package redistest gives tests a real Redis of their own.
//
// It listens on a Unix socket in a temporary folder and nowhere else, keeps nothing on disk, and
// can be stopped and started again in the middle of a test.
package redistest

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience bounds how long a server may take to start.
const patience = 20 * time.Second

// Server is one redis-server.
type Server struct {
	t        testing.TB
	binary   string
	dir      string
	password string
	process  *exec.Cmd
	log      *os.File
}

// Start runs a redis-server until the end of the test. Without the program the test is skipped,
// or fails if TOWPATH_REQUIRE_TOOLS is 1, as it is where a skip would go unseen. An empty
// password is none.
func Start(t testing.TB, password string) *Server {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		const advice = "redis-server is not installed; apt-get install redis-server"
		if os.Getenv("TOWPATH_REQUIRE_TOOLS") == "1" {
			t.Fatal(advice)
		}
		t.Skip(advice)
	}
	// The path of a socket has at most 107 bytes; t.TempDir has the test's name in it.
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, binary: binary, dir: dir, password: password}
	t.Cleanup(func() {
		s.Stop()
		os.RemoveAll(dir)
	})
	s.Restart()
	return s
}

// URL is what REDIS_URL takes.
func (s *Server) URL() string {
	if s.password != "" {
		return fmt.Sprintf("unix://:%s@%s", s.password, s.socket())
	}
	return "unix://" + s.socket()
}

func (s *Server) socket() string { return filepath.Join(s.dir, "s") }

// Stop kills the server as a power cut would. Connecting is refused from then on.
func (s *Server) Stop() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait() // it was killed
	_ = s.log.Close()
	s.process = nil
}

// Restart starts the server again, empty, and returns when it answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	var err error
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		s.t.Fatal(err)
	}
	args := []string{"--port", "0", "--unixsocket", s.socket(), "--dir", s.dir, "--save", "", "--appendonly", "no", "--daemonize", "no"}
	if s.password != "" {
		args = append(args, "--requirepass", s.password)
	}
	s.process = exec.Command(s.binary, args...)
	s.process.Stdout, s.process.Stderr = s.log, s.log
	if err := s.process.Start(); err != nil {
		s.process = nil
		s.t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(2 * time.Millisecond); !s.answers(); <-tick.C {
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(s.log.Name())
			s.t.Fatalf("redis-server does not answer:\n%s", text)
		}
	}
}

func (s *Server) answers() bool {
	c, err := net.Dial("unix", s.socket())
	if err != nil {
		return false
	}
	defer c.Close()
	fmt.Fprint(c, "PING\r\n")
	line, err := bufio.NewReader(c).ReadString('\n')
	// With a password it refuses, which is an answer too.
	return err == nil && (line == "+PONG\r\n" || strings.HasPrefix(line, "-NOAUTH"))
}
