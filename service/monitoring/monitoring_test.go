package monitoring_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/service/cli"
)

const playService = "TOWPATH_TEST_PLAYS_SERVICE"

// TestMain lets this test binary be the service, so that the metrics are those of a real process.
func TestMain(m *testing.M) {
	if os.Getenv(playService) != "" {
		os.Exit(cli.Main(nil, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

const (
	alertsFile    = "../../charts/service/files/alerts.yaml"
	dashboardFile = "../../charts/service/files/dashboard.json"
)

// alert is a rule of alerts.yaml.
type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) (list []alert) {
	t.Helper()
	text, err := os.ReadFile(alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []alert
		}
	}
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		list = append(list, g.Rules...)
	}
	if len(list) == 0 {
		t.Fatal("no alerts")
	}
	return list
}

// panel is a part of dashboard.json.
type panel struct {
	ID      int
	Type    string
	Title   string
	GridPos struct{ X, Y, W, H int }
	Targets []struct{ Expr string }
}

func dashboard(t *testing.T) (panels []panel, others []string) {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Panels      []panel
		Annotations struct{ List []struct{ Expr string } }
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, a := range file.Annotations.List {
		others = append(others, a.Expr)
	}
	return file.Panels, others
}

// expressions are all there are, by where they stand, with Grafana's variables filled in.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, a := range alerts(t) {
		all["alert "+a.Alert] = a.Expr
	}
	panels, others := dashboard(t)
	fill := strings.NewReplacer("$__rate_interval", "5m", "$namespace", "stage")
	for _, p := range panels {
		for i, target := range p.Targets {
			all[fmt.Sprintf("panel %q %d", p.Title, i)] = fill.Replace(target.Expr)
		}
	}
	for i, expr := range others {
		all[fmt.Sprintf("annotation %d", i)] = fill.Replace(expr)
	}
	for where, expr := range all {
		if strings.Contains(expr, "$") {
			t.Errorf("%s: an unknown variable in %s", where, expr)
		}
	}
	return all
}

// exported is what a running service exports: for each metric and each of its labels, the values.
type exported map[string]map[string][]string

var (
	sample = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? `)
	pair   = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"`)
)

func parseMetrics(text string) exported {
	e := exported{}
	for line := range strings.Lines(text) {
		m := sample.FindStringSubmatch(line)
		if m == nil {
			continue // a comment
		}
		if e[m[1]] == nil {
			e[m[1]] = map[string][]string{}
		}
		for _, p := range pair.FindAllStringSubmatch(m[2], -1) {
			e[m[1]][p[1]] = append(e[m[1]][p[1]], p[2])
		}
	}
	return e
}

// stderr collects a process's log and gives the line that says where it listens.
type stderr struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *stderr) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *stderr) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// run starts a service with everything in it and returns its metrics, after some requests.
func run(t *testing.T) exported {
	t.Helper()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"OUTPUT":"A"}`) }))
	defer up.Close()
	log := new(stderr)
	process := exec.Command(os.Args[0])
	process.Env = []string{playService + "=1", "HOST=127.0.0.1", "PORT=0", "METRICS_PORT=0", "DRAIN_DELAY=0",
		"DATA_DIR=" + t.TempDir(), "SHOUT_URL=" + up.URL,
		"REDIS_URL=unix://" + filepath.Join(t.TempDir(), "nobody"), // its metrics do not need a Redis
	}
	process.Stderr = log
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		process.Process.Signal(syscall.SIGTERM)
		process.Wait()
	}()

	var listening struct {
		Msg, Address   string
		MetricsAddress string `json:"metrics_address"`
	}
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); listening.Msg != "listening"; <-tick.C {
		for line := range strings.Lines(log.String()) {
			if json.Unmarshal([]byte(line), &listening); listening.Msg == "listening" {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the service does not listen:\n%s", log)
		}
	}
	http.Post("http://"+listening.Address+"/v1", "application/json", strings.NewReader(`{"data":"a"}`))
	for _, path := range []string{"/", "/readyz", "/people", "/api/v1/people", "/api/fibonacci/8"} {
		if answer, err := http.Get("http://" + listening.Address + path); err == nil {
			answer.Body.Close()
		}
	}
	answer, err := http.Get("http://" + listening.MetricsAddress + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return parseMetrics(string(text))
}

// Prometheus adds these to what it scrapes from a pod.
var scrapeLabels = []string{"namespace", "pod"}

// What the files speak of exists: metrics, labels, and label values where one is named outright.
func TestEverythingIsExported(t *testing.T) {
	metrics := run(t)
	for where, expr := range expressions(t) {
		uses, err := parsePromQL(expr)
		if err != nil {
			t.Errorf("%s: %v in %s", where, err, expr)
			continue
		}
		known := slices.Clone(scrapeLabels)
		for _, s := range uses.selectors {
			labels, ok := metrics[s.metric]
			if !ok {
				t.Errorf("%s: nobody exports %s", where, s.metric)
				continue
			}
			for label := range labels {
				known = append(known, label)
			}
			for _, m := range s.matchers {
				if slices.Contains(scrapeLabels, m.label) {
					continue
				}
				values, ok := labels[m.label]
				if !ok {
					t.Errorf("%s: %s has no label %s", where, s.metric, m.label)
				}
				named := []string{m.value}
				if strings.HasSuffix(m.op, "~") {
					named = strings.Split(m.value, "|")
				}
				for _, value := range named {
					// A status comes up when it comes up.
					if !slices.Contains(values, value) && m.label != "status" {
						t.Errorf("%s: %s has no %s=%q", where, s.metric, m.label, value)
					}
				}
			}
		}
		for _, label := range uses.grouped {
			if !slices.Contains(known, label) {
				t.Errorf("%s: no metric in it has a label %s", where, label)
			}
		}
		if len(uses.selectors) == 0 {
			t.Errorf("%s: no metric in %s", where, expr)
		}
	}
}

func TestAlerts(t *testing.T) {
	seen := map[string]bool{}
	inTemplate := regexp.MustCompile(`\$labels\.(\w+)`)
	for _, a := range alerts(t) {
		if a.Alert == "" || seen[a.Alert] {
			t.Errorf("%q is there twice", a.Alert)
		}
		seen[a.Alert] = true
		if s := a.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s has severity %q", a.Alert, s)
		}
		if _, err := time.ParseDuration(a.For); a.For != "" && err != nil {
			t.Errorf("%s: %v", a.Alert, err)
		}
		for _, name := range []string{"summary", "description"} {
			text := a.Annotations[name]
			if !strings.HasSuffix(text, ".") {
				t.Errorf("%s: the %s is no sentence: %q", a.Alert, name, text)
			}
			for _, m := range inTemplate.FindAllStringSubmatch(text, -1) {
				if !slices.Contains(scrapeLabels, m[1]) {
					t.Errorf("%s: %s will be empty", a.Alert, m[0])
				}
			}
		}
	}
	// Each rule is tried on time series.
	tried, err := os.ReadFile("alerts_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name := range seen {
		if strings.Count(string(tried), name) < 2 {
			t.Errorf("alerts_test.yaml does not try %s both ways", name)
		}
	}
}

func TestDashboard(t *testing.T) {
	panels, _ := dashboard(t)
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	for _, p := range panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q", p.ID, p.Title)
		}
		ids[p.ID] = true
		if (len(p.Targets) == 0) != (p.Type == "row") {
			t.Errorf("%s shows nothing", p.Title)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other, ok := taken[at]; ok || at[0] >= 24 {
					t.Fatalf("%s covers %q", p.Title, other)
				}
				taken[at] = p.Title
			}
		}
	}
}

// Prometheus's own tool reads every expression, and tries the rules on time series. Without it the
// test is skipped, or fails if TOWPATH_REQUIRE_TOOLS is 1.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		const advice = "promtool is not installed; apt-get install prometheus"
		if os.Getenv("TOWPATH_REQUIRE_TOOLS") == "1" {
			t.Fatal(advice)
		}
		t.Skip(advice)
	}
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var rules []rule
	for _, expr := range expressions(t) {
		rules = append(rules, rule{fmt.Sprintf("expression:%d", len(rules)), expr})
	}
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "all", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	all := filepath.Join(t.TempDir(), "all.yaml")
	if err := os.WriteFile(all, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "rules", alertsFile}, {"check", "rules", all}, {"test", "rules", "alerts_test.yaml"}} {
		if out, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
