package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// dialer knows the names of Services.
var dialer = &net.Dialer{Timeout: 10 * time.Second, Resolver: &net.Resolver{PreferGo: true, Dial: clusterDNS}}

// forward takes connections of the outer network to an address inside. The listener belongs to the network that
// it was made in, and this process to the sandbox's.
func forward(listener net.Listener, to string) {
	go func() {
		for {
			outer, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				inner, err := dialer.Dial("tcp", to)
				if err != nil {
					_ = outer.Close()
					return
				}
				join(outer, inner)
			}()
		}
	}()
}

// join copies both ways until either side is done.
func join(a, b net.Conn) {
	done := make(chan struct{}, 2)
	copying := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		done <- struct{}{}
	}
	go copying(a, b)
	go copying(b, a)
	<-done
	_, _ = a.Close(), b.Close()
}

// Unanswered is the header in which the proxy's answer tells of the attempts to connect that nothing answered, one value each.
const Unanswered = "Unanswered"

// serveProxy serves CONNECT to every address inside, and to names of Services, by connections that are dialled.
func serveProxy(listener net.Listener, dial func(ctx context.Context, address string) (net.Conn, []string, error)) {
	_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "this proxy connects, and nothing else", http.StatusMethodNotAllowed)
			return
		}
		inner, unanswered, err := dial(r.Context(), r.Host)
		header := http.Header{}
		for _, attempt := range unanswered {
			header.Add(Unanswered, attempt)
		}
		if err != nil {
			maps.Copy(w.Header(), header)
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		outer, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = inner.Close()
			return
		}
		var head bytes.Buffer
		head.WriteString("HTTP/1.1 200 OK\r\n")
		_ = header.Write(&head) // A buffer takes it all.
		head.WriteString("\r\n")
		if _, err := outer.Write(head.Bytes()); err != nil {
			_, _ = outer.Close(), inner.Close()
			return
		}
		join(outer, inner)
	}))
}

// ControlSocket is where [Control] is asked, in the folder of a cluster.
const ControlSocket = "control.sock"

// serveControl lets those outside stop and start the cluster's servers: POST /NAME/stop and /NAME/start. GET /
// lists them.
func (c *Cluster) serveControl() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		running := map[string]bool{}
		for name, p := range c.processes {
			p.mu.Lock()
			running[name] = p.running != nil
			p.mu.Unlock()
		}
		_ = json.NewEncoder(w).Encode(running)
	})
	mux.HandleFunc("POST /{name}/{verb}", func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		p := c.processes[r.PathValue("name")]
		c.mu.Unlock()
		switch {
		case p == nil:
			http.NotFound(w, r)
		case r.PathValue("verb") == "stop":
			p.suspend()
		case r.PathValue("verb") == "start":
			if err := c.resume(p); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		default:
			http.NotFound(w, r)
		}
	})
	listener, err := net.Listen("unix", c.path(ControlSocket))
	if err != nil {
		c.fail(err)
		return
	}
	go func() { c.fail(http.Serve(listener, mux)) }()
}

// serveOuterHosts serves what the outer world has: the Git server with the repository, and Argo CD's manifests.
func (c *Cluster) serveOuterHosts() error {
	backend, err := gitBackend()
	if err != nil {
		return err
	}
	git := &cgi.Handler{
		Path: backend, Root: "/",
		Env: []string{"GIT_PROJECT_ROOT=" + c.path("git"), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=developer"},
	}
	certificate, err := tls.LoadX509KeyPair(c.path("pki/hosts.crt"), c.path("pki/hosts.key"))
	if err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", nodeAddress+":443", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		return err
	}
	go func() {
		c.fail(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.Host {
			case gitHost:
				git.ServeHTTP(w, r)
			case manifestHost:
				// The commit in the address is that of the module's version; a test of argocd/verify holds them together.
				if strings.HasPrefix(r.URL.Path, "/argoproj/argo-cd/") && strings.HasSuffix(r.URL.Path, "/manifests/install.yaml") {
					http.ServeFile(w, r, c.config.Manifests)
					return
				}
				http.NotFound(w, r)
			default:
				http.NotFound(w, r)
			}
		})))
	}()
	return nil
}

func gitBackend() (string, error) {
	for _, folder := range []string{"/usr/lib/git-core", "/usr/libexec/git-core"} {
		file := filepath.Join(folder, "git-http-backend")
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", errors.New("git-http-backend is not there: install the whole of git")
}
