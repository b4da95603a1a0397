package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// kubernetes is the API server, by one kubectl proxy for the whole run. Waiting means asking several times a second, and
// to start kubectl for each question would take processor time that the cluster and its loads want.
var kubernetes *http.Client

// startProxy starts the proxy. Only who may open its folder can use it, as it acts for the cluster's administrator. What
// it returns ends it.
func startProxy(folder string) (end func() error, err error) {
	socket := filepath.Join(folder, "kubernetes.sock")
	proxy := kubectlCommand("proxy", "--unix-socket="+socket)
	var messages bytes.Buffer
	proxy.Stderr = &messages
	// It ends with this process, however that ends. The kernel means the thread, so TestMain keeps its own.
	proxy.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := proxy.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- proxy.Wait() }()
	end = func() error {
		_ = proxy.Process.Kill()
		var exit *exec.ExitError
		if err := <-ended; !errors.As(err, &exit) {
			return err
		}
		return nil
	}
	kubernetes = &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}},
	}
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := askKubernetes(http.MethodGet, "/version", nil, nil)
		if err == nil {
			return end, nil
		}
		select {
		case <-ended:
			return nil, fmt.Errorf("kubectl proxy has ended: %s", messages.Bytes())
		default:
		}
		if time.Since(start) > time.Minute {
			return nil, errors.Join(fmt.Errorf("kubectl proxy does not answer: %w", err), end())
		}
	}
}

// askKubernetes sends a request to the API server, with a merge patch unless that is nil, and reads the answer into
// another value unless that is nil.
func askKubernetes(method, path string, patch, answer any) error {
	var body io.Reader
	if patch != nil {
		data, err := json.Marshal(patch)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequest(method, "http://localhost"+path, body)
	if err != nil {
		return err
	}
	if patch != nil {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	response, err := kubernetes.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s %s", method, path, response.Status, message(data))
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(data, answer)
}

// applicationPath is that of an Application in the API.
func applicationPath(namespace, name string) string {
	return "/apis/argoproj.io/v1alpha1/namespaces/" + namespace + "/applications/" + name
}

// refresh has Argo CD look at Git now, as a webhook of the Git server would. A comparison that is under way takes the
// request with it when it ends, and has not seen what is new; so who asks once may wait for the next poll. It is asked
// once more after that.
func refresh(t *testing.T, namespace, name string) {
	t.Helper()
	askRefresh(t, namespace, name, "normal")
	for asked := time.Now(); time.Since(asked) < 15*time.Second; time.Sleep(200 * time.Millisecond) {
		if found, err := readApplication(namespace, name); err == nil && found.Metadata.Annotations[refreshAnnotation] == "" {
			askRefresh(t, namespace, name, "normal")
			return
		}
	}
}

const refreshAnnotation = "argocd.argoproj.io/refresh"

func askRefresh(t *testing.T, namespace, name, how string) {
	t.Helper()
	annotations := object{"metadata": object{"annotations": object{refreshAnnotation: how}}}
	if err := askKubernetes(http.MethodPatch, applicationPath(namespace, name), annotations, nil); err != nil {
		t.Fatal(err)
	}
}

// compared has Argo CD compare an Application with Git and the cluster, and waits until it has: then it takes the
// annotation back that asks for it.
func compared(t *testing.T, namespace, name string) {
	t.Helper()
	refresh(t, namespace, name)
	eventually(t, 3*time.Minute, func() error {
		found, err := readApplication(namespace, name)
		if err == nil && found.Metadata.Annotations[refreshAnnotation] != "" {
			err = fmt.Errorf("%s/%s is not compared yet: %s", namespace, name, found)
		}
		return err
	})
}
