package suite

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// argoCD asks Argo CD's API, as its user interface does.
func argoCD(token, method, path string, body any) (int, []byte, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	request, err := http.NewRequest(method, here.argoCD+path, bytes.NewReader(data))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return send(request)
}

// send sends a request to Argo CD and reads the answer.
func send(request *http.Request) (int, []byte, error) {
	authorities, err := authorities()
	if err != nil {
		return 0, nil, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Timeout: time.Minute, Transport: transport}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// authorities are those of the machine, and the one that signed Argo CD's certificate.
func authorities() (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil || here.authority == "" {
		return pool, err
	}
	data, err := os.ReadFile(here.authority)
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate", here.authority)
	}
	return pool, nil
}

// message is what a person reads of an answer of Argo CD's: the message of an error, or the text as it is.
func message(answer []byte) string {
	var refusal struct{ Message string }
	// In a stream, such as that of logs, it is one level below.
	var below struct{ Error struct{ Message string } }
	if json.Unmarshal(answer, &refusal) == nil && refusal.Message != "" {
		return refusal.Message
	}
	if json.Unmarshal(answer, &below) == nil && below.Error.Message != "" {
		return below.Error.Message
	}
	text := strings.TrimSpace(string(answer))
	if len(text) > 200 {
		text = text[:200] + "..."
	}
	return text
}

// logIn returns the token of Argo CD's administrator.
var logIn = sync.OnceValues(func() (string, error) {
	if here.token != "" {
		return here.token, nil
	}
	encoded, err := tryKubectl("-n", "argocd", "get", "secret", "argocd-initial-admin-secret", "-o", "jsonpath={.data.password}")
	if err != nil {
		return "", fmt.Errorf("the first password is gone; set ARGOCD_AUTH_TOKEN to the token of an administrator: %w", err)
	}
	password, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", err
	}
	return tokenFrom("", "/api/v1/session", map[string]string{"username": "admin", "password": string(password)})
})

func tokenFrom(token, path string, body any) (string, error) {
	status, answer, err := argoCD(token, http.MethodPost, path, body)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("%s: %d %s", path, status, message(answer))
	}
	var got struct{ Token string }
	return got.Token, json.Unmarshal(answer, &got)
}

// adminToken is that of Argo CD's administrator.
func adminToken(t *testing.T) string {
	t.Helper()
	token, err := logIn()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// tokenName is the id of the tokens that the suite has Argo CD make. It is this process' own, as TestByVariables runs
// the suite within the suite.
var tokenName = "towpath-suite-" + strconv.Itoa(os.Getpid())

// pipeline returns the token of the account that pipelines have.
var pipeline = sync.OnceValues(func() (string, error) {
	admin, err := logIn()
	if err != nil {
		return "", err
	}
	if err := forgetToken(admin, "pipeline"); err != nil {
		return "", err
	}
	return makeToken(admin, "pipeline")
})

// makeToken has Argo CD make a token of an account, good for three hours.
func makeToken(admin, account string) (token string, err error) {
	err = insist(func() (err error) {
		token, err = tokenFrom(admin, "/api/v1/account/"+account+"/token", map[string]any{"id": tokenName, "expiresIn": 3 * 60 * 60})
		return err
	})
	return token, err
}

// forgetToken takes the suite's token of an account back, if there is one.
func forgetToken(admin, account string) error {
	return insist(func() error {
		status, answer, err := argoCD(admin, http.MethodDelete, "/api/v1/account/"+account+"/token/"+tokenName, nil)
		if err == nil && status != http.StatusOK && status != http.StatusNotFound && !strings.Contains(message(answer), "not found") {
			err = errors.New(message(answer))
		}
		return err
	})
}

// insist tries a few times: Argo CD keeps all tokens in one Secret, and refuses whoever writes it while another does.
func insist(try func() error) error {
	var err error
	for range 10 {
		if err = try(); err == nil {
			return nil
		}
		time.Sleep(500 * time.Millisecond)
	}
	return err
}

// forgetTokens takes back what a cluster should not keep. It is tried only: the cluster may be gone.
func forgetTokens() {
	if admin, err := logIn(); err == nil {
		_ = forgetToken(admin, "pipeline")
	}
}

// pipelineToken is that of the account that pipelines have.
func pipelineToken(t *testing.T) string {
	t.Helper()
	token, err := pipeline()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// accounts makes accounts of Argo CD for the test, each with a role, and returns their tokens. A team has its single
// sign-on for that.
func accounts(t *testing.T, roles map[string]string) map[string]string {
	t.Helper()
	// An entry of a name of its own adds to the policy that bootstrap brings.
	const policy = "policy.suite.csv"
	settings := map[string]any{}
	gone := map[string]any{}
	var lines strings.Builder
	for account, role := range roles {
		settings["accounts."+account] = "apiKey"
		gone["accounts."+account] = nil
		fmt.Fprintf(&lines, "g, %s, %s\n", account, role)
	}
	t.Cleanup(func() {
		patchSettings(t, "argocd-cm", gone)
		patchSettings(t, "argocd-rbac-cm", map[string]any{policy: nil})
	})
	patchSettings(t, "argocd-cm", settings)
	patchSettings(t, "argocd-rbac-cm", map[string]any{policy: lines.String()})
	admin := adminToken(t)
	tokens := map[string]string{}
	for account, role := range roles {
		eventually(t, time.Minute, func() (err error) {
			tokens[account], err = makeToken(admin, account)
			return err
		})
		// The role is in force when the account sees Applications.
		eventually(t, time.Minute, func() error {
			status, answer, err := argoCD(tokens[account], http.MethodGet, "/api/v1/applications/service?appNamespace=argocd-stage&project=stage", nil)
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("%s, with %s: %d %s", account, role, status, message(answer))
			}
			return err
		})
	}
	t.Cleanup(func() {
		for account := range roles {
			if err := forgetToken(admin, account); err != nil {
				t.Error(err)
			}
		}
	})
	return tokens
}

func patchSettings(t *testing.T, configMap string, data map[string]any) {
	t.Helper()
	patch, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		t.Fatal(err)
	}
	kubectl(t, "-n", "argocd", "patch", "configmap", configMap, "--type=merge", "--patch="+string(patch))
}

// repositoryURL is the address by which Argo CD reads the repository.
func repositoryURL(t *testing.T) string {
	t.Helper()
	return kubectl(t, "-n", "argocd", "get", "applications.argoproj.io", "stage-root", "-o", "jsonpath={.spec.source.repoURL}")
}

// objectsFound has Argo CD's API find the objects of each Application, once its Redis was lost or has moved, and returns the
// Applications whose objects it did not find at first. The controller does not write again what it believes to be in Redis,
// so that an Application to which nothing happens stays without; a restart ends that, as docs/operate.md says.
func objectsFound(t *testing.T) []string {
	t.Helper()
	var forgotten, failed []string
	// What it said of an Application while its repo-server was away it says until it compares that again.
	again := func() {
		for _, application := range failed {
			namespace, name, _ := strings.Cut(application, "/")
			askRefresh(t, namespace, name, "normal")
		}
	}
	compared := func() (err error) {
		if forgotten, failed, err = objectsForgotten(); err == nil && len(failed) > 0 {
			err = fmt.Errorf("Argo CD can't compare %s", strings.Join(failed, ", "))
		}
		return err
	}
	refreshedUntil(t, 2*time.Minute, again, compared)
	if len(forgotten) == 0 {
		return nil
	}
	t.Logf("Argo CD's API lacks the objects of %s", strings.Join(forgotten, ", "))
	kubectl(t, "-n", "argocd", "rollout", "restart", "statefulset/argocd-application-controller")
	kubectl(t, "-n", "argocd", "rollout", "status", "statefulset/argocd-application-controller", "--timeout=5m")
	lacked := forgotten
	refreshedUntil(t, 3*time.Minute, again, func() error {
		err := compared()
		if err == nil && len(forgotten) > 0 {
			err = fmt.Errorf("Argo CD's API lacks the objects of %s, with a controller that was restarted", strings.Join(forgotten, ", "))
		}
		return err
	})
	return lacked
}

// objectsForgotten are the Applications whose objects Argo CD's API has not in its cache, and those of which it says that
// they could not be compared. It has their controller look at them first. One whose branch is not there yet, as prod's
// before its first approval, has no objects, and is neither.
func objectsForgotten() (forgotten, failed []string, err error) {
	token, err := logIn()
	if err != nil {
		return nil, nil, err
	}
	var list struct {
		Items []struct {
			Metadata struct{ Name, Namespace string }
			Spec     struct{ Project string }
		}
	}
	if err := askKubernetes(http.MethodGet, "/apis/argoproj.io/v1alpha1/applications", nil, &list); err != nil {
		return nil, nil, err
	}
	for _, a := range list.Items {
		path := fmt.Sprintf("/api/v1/applications/%s/resource-tree?appNamespace=%s&project=%s", a.Metadata.Name, a.Metadata.Namespace, a.Spec.Project)
		status, answer, err := argoCD(token, http.MethodGet, path, nil)
		application, said := a.Metadata.Namespace+"/"+a.Metadata.Name, message(answer)
		switch {
		case err != nil:
			return nil, nil, err
		case status == http.StatusOK, strings.Contains(said, "unable to resolve 'refs/heads/"):
		case strings.Contains(said, "cache: key is missing"):
			forgotten = append(forgotten, application)
		case strings.Contains(said, "ComparisonError"):
			failed = append(failed, application)
		default:
			return nil, nil, fmt.Errorf("%s: %d %s", path, status, said)
		}
	}
	return forgotten, failed, nil
}
