package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The tests of this file are about the PostgreSQL and the Redis that stage brings along, from charts/postgres and
// charts/redis. They start from stage as cluster/envs has it, and leave it so, with an empty database.

const stageNamespace = "towpath-stage"

// needsBundled leaves a test out on other clusters, whose stage may have its databases elsewhere.
func needsBundled(t *testing.T) {
	t.Helper()
	needsOwnCluster(t, "the test takes stage's PostgreSQL and Redis from it, and data with them")
	stageAtRest(t)
}

var bundled = []string{"postgres", "redis", "service"}

// stageRuns tells Argo CD of a push to main, and waits until stage and its databases are at it.
func stageRuns(t *testing.T, revision string, names ...string) time.Duration {
	t.Helper()
	refresh(t, "argocd", "stage-root")
	asked := map[string]bool{}
	return eventually(t, 6*time.Minute, func() error {
		for _, name := range names {
			// An Application that stage-root has yet to make can't be told.
			if _, err := readApplication("argocd-stage", name); err == nil && !asked[name] {
				refresh(t, "argocd-stage", name)
				asked[name] = true
			}
			if err := delivered("argocd-stage", name, revision)(); err != nil {
				return err
			}
		}
		return nil
	})
}

// merged commits what is changed and pushes it to main. The function that it returns takes the commit back, and returns
// the commit that does; a test that fails before has it taken back at its end.
func merged(t *testing.T, message string) (revision string, takeBack func() string) {
	t.Helper()
	taken := false
	takeBack = func() string {
		t.Helper()
		taken = true
		git(t, "revert", "--no-edit", revision)
		git(t, "push", "--quiet", "origin", "main")
		return git(t, "rev-parse", "HEAD")
	}
	t.Cleanup(func() {
		switch {
		case revision == "":
			git(t, "checkout", "--quiet", "HEAD", ".")
		case !taken:
			takeBack()
		}
	})
	revision = pushMain(t, message)
	return revision, takeBack
}

// inPostgres runs statements in the pod of PostgreSQL, as its superuser, and returns what they select.
func inPostgres(statements string) (string, error) {
	return tryKubectl("-n", stageNamespace, "exec", "postgres-0", "-c", "postgres", "--",
		"psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--username=postgres", "--dbname=towpath", "--command="+statements)
}

func query(t *testing.T, statements string) string {
	t.Helper()
	text, err := inPostgres(statements)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// people is a fingerprint of the people that the service keeps.
func people(t *testing.T) string {
	t.Helper()
	return query(t, "SELECT count(*) || ' people, ' || coalesce(md5(string_agg(p::text, '|' ORDER BY seq)), '') FROM people p")
}

// redis asks Redis in its pod, as the services do.
func redisSays(args ...string) (string, error) {
	const script = `REDISCLI_AUTH=$(cat "$PASSWORD_FILE") exec redis-cli "$@"`
	return tryKubectl(append([]string{"-n", stageNamespace, "exec", "redis-0", "-c", "redis", "--", "sh", "-c", script, "redis-cli"}, args...)...)
}

// writer adds people to stage one after the other.
type writer struct {
	stop context.CancelFunc
	done sync.WaitGroup

	mu           sync.Mutex
	acknowledged []string
	refused      int
	// gap is the longest time between two people that were added.
	last time.Time
	gap  time.Duration
}

// startWriter adds people until the test ends, or for ten minutes.
func startWriter(t *testing.T) *writer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	w := &writer{stop: cancel, last: time.Now()}
	w.done.Go(func() {
		for number := 1; ctx.Err() == nil; number++ {
			id := fmt.Sprintf("5709a9e0-0000-4000-8000-%012d", number)
			err := addPerson(ctx, "stage", id)
			w.mu.Lock()
			if err == nil {
				w.acknowledged = append(w.acknowledged, id)
				w.gap = max(w.gap, time.Since(w.last))
				w.last = time.Now()
			} else if ctx.Err() == nil {
				w.refused++
			}
			w.mu.Unlock()
			time.Sleep(50 * time.Millisecond) // A light load.
		}
	})
	t.Cleanup(func() { w.end() })
	return w
}

func (w *writer) end() {
	w.stop()
	w.done.Wait()
}

func (w *writer) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acknowledged)
}

// hasAdded is nil once the writer has added so many people.
func (w *writer) hasAdded(number int) func() error {
	return func() error {
		if got := w.count(); got < number {
			return fmt.Errorf("%d people are added instead of %d", got, number)
		}
		return nil
	}
}

func addPerson(ctx context.Context, env, id string) error {
	body := `{"uuid":"` + id + `","name":"Miss. Ada Ashdown","sex":"female","age":42,"survived":true,"passengerClass":1,"siblingsOrSpousesAboard":0,"parentsOrChildrenAboard":2,"fare":7}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+serviceAddress(env)+"/people", strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := serviceClient().Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	// It may be there from a try whose answer was lost.
	if response.StatusCode >= 300 && response.StatusCode != http.StatusConflict {
		return fmt.Errorf("%s: %.200s", response.Status, answer)
	}
	return nil
}

func TestSmokeOfThePipeline(t *testing.T) {
	for _, env := range []string{"dev", "stage"} {
		t.Run(env, func(t *testing.T) {
			happened := tried(t, "the pipeline's `.ci/smoke` asks "+env)
			// It is told an address of this machine, as of an Ingress.
			address, err := url.Parse("http://" + serviceAddress(env))
			if err != nil {
				t.Fatal(err)
			}
			proxy := httputil.NewSingleHostReverseProxy(address)
			proxy.Transport = serviceClient().Transport
			server := httptest.NewServer(proxy)
			defer server.Close()
			said, err := output(exec.Command(filepath.Join(clone(), ".ci", "smoke"), server.URL))
			if err != nil {
				t.Fatal(err)
			}
			happened("%s", strings.ReplaceAll(said, "\n", ", "))
		})
	}
}

func TestPostgresIsKilledWhileWritten(t *testing.T) {
	needsBundled(t)
	happened := tried(t, "stage's PostgreSQL is killed (SIGKILL to all its processes) while people are added")
	w := startWriter(t)
	eventually(t, time.Minute, w.hasAdded(20))
	killContainer(t, "postgres-0", "postgres")
	// More come in than can have been on their way.
	eventually(t, 2*time.Minute, w.hasAdded(w.count()+20))
	w.end()
	stored := strings.Fields(query(t, "SELECT uuid FROM people"))
	var lost []string
	for _, id := range w.acknowledged {
		if !slices.Contains(stored, id) {
			lost = append(lost, id)
		}
	}
	if len(lost) > 0 {
		t.Errorf("%d people were acknowledged and are not there: %q", len(lost), lost)
	}
	log := kubectl(t, "-n", stageNamespace, "logs", "postgres-0", "-c", "postgres")
	if !strings.Contains(log, "was not properly shut down; automatic recovery in progress") {
		t.Errorf("PostgreSQL was not killed:\n%s", log)
	}
	happened("of %d people that the service acknowledged none is lost; it refused %d and added none for %s; PostgreSQL replayed its log", len(w.acknowledged), w.refused, seconds(w.gap))
	eventually(t, 2*time.Minute, delivered("argocd-stage", "service", ""))
}

// killContainer ends all processes of a container at once, as a machine without memory does.
func killContainer(t *testing.T, pod, container string) {
	t.Helper()
	id := kubectl(t, "-n", stageNamespace, "get", "pod", pod, "-o", "jsonpath={.status.containerStatuses[?(@.name=='"+container+"')].containerID}")
	id = strings.TrimPrefix(id, "containerd://")
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil || id == "" {
		t.Fatalf("container %s of %s is %q: %v", container, pod, id, err)
	}
	killed := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(text, []byte(id)) {
			continue // It has ended, or is another's.
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
		killed++
	}
	if killed == 0 {
		t.Fatalf("container %s of %s has no processes", container, pod)
	}
}

func TestRedisPodIsKilled(t *testing.T) {
	needsBundled(t)
	happened := tried(t, "stage's Redis pod is deleted without grace, while the service is asked")
	if _, err := redisSays("set", "suite", "kept"); err != nil {
		t.Fatal(err)
	}
	uid := func() (string, error) {
		return tryKubectl("-n", stageNamespace, "get", "pod", "redis-0", "-o", "jsonpath={.metadata.uid} {.status.conditions[?(@.type=='Ready')].status}")
	}
	before, err := uid()
	if err != nil {
		t.Fatal(err)
	}
	kubectl(t, "-n", stageNamespace, "delete", "pod", "redis-0", "--grace-period=0", "--force", "--wait=false")
	asked := 0
	took := eventually(t, 3*time.Minute, func() error {
		// Redis is a convenience: without it the service answers all the same.
		for _, path := range []string{"/readyz", "/people?limit=1"} {
			status, body, err := get("stage", path)
			if err != nil || status != http.StatusOK {
				t.Errorf("%s without Redis: %d %.200s %v", path, status, body, err)
			}
			asked++
		}
		now, err := uid()
		if err != nil {
			return err
		}
		if strings.Fields(now)[0] == strings.Fields(before)[0] || !strings.HasSuffix(now, " True") {
			return fmt.Errorf("redis-0 is %q, and was %q", now, before)
		}
		return nil
	})
	if got, err := redisSays("get", "suite"); err != nil || got != "kept" {
		t.Errorf("the key is %q after the restart, %v", got, err)
	}
	// The service has found it again once what it caches arrives there.
	word := fmt.Sprintf("word%d", time.Now().UnixNano())
	found := eventually(t, time.Minute, func() error {
		response, err := serviceClient().Post("http://"+serviceAddress("stage")+"/v1", "application/json", strings.NewReader(`{"data":"`+word+`"}`))
		if err != nil {
			return err
		}
		response.Body.Close()
		if size, err := redisSays("dbsize"); err != nil || size == "1" {
			return fmt.Errorf("the keys are %s, %w", size, err)
		}
		return nil
	})
	happened("%d requests meanwhile were answered; a new pod was ready after %s, with what it had kept; the service used it %s later", asked, seconds(took), seconds(found))
	if _, err := redisSays("del", "suite"); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, delivered("argocd-stage", "redis", ""))
}

var backupLine = regexp.MustCompile(`backup (\S+\.dump): \d+ bytes, \d+ kept`)

// restoring is what a person adds to stage's env.cue.
const restoring = "\n\treleases: postgres: values: restore: {file: %q, overwrite: true}\n"

func TestBackupAndRestore(t *testing.T) {
	needsBundled(t)
	happened := tried(t, "stage's PostgreSQL is backed up by a Job of the CronJob; then its table of people is dropped, and a commit restores the backup as charts/postgres says")
	for number := range 5 {
		id := fmt.Sprintf("5709a9e0-0000-4000-8000-1%011d", number)
		eventually(t, time.Minute, func() error { return addPerson(t.Context(), "stage", id) })
	}
	want := people(t)
	const job = "postgres-backup-now"
	kubectl(t, "-n", stageNamespace, "create", "job", "--from=cronjob/postgres-backup", job)
	t.Cleanup(func() { kubectl(t, "-n", stageNamespace, "delete", "job", job) })
	took := eventually(t, 5*time.Minute, jobSucceeded(job, 1))
	said := kubectl(t, "-n", stageNamespace, "logs", "job/"+job)
	found := backupLine.FindStringSubmatch(said)
	if found == nil {
		t.Fatalf("the backup said %q", said)
	}
	happened("%s after %s", said, seconds(took))

	query(t, "DROP TABLE people CASCADE")
	if status, _, err := get("stage", "/people?limit=1"); err == nil && status < 500 {
		t.Errorf("without the table the service answers %d", status)
	}
	replaceIn(t, "envs/stage/env.cue", "\n\treleases: service: {", fmt.Sprintf(restoring, found[1])+"\n\treleases: service: {")
	revision, takeBack := merged(t, "stage: restore "+found[1])
	took = stageRuns(t, revision, "postgres") + eventually(t, 5*time.Minute, syncEnded("postgres", revision))
	if got := people(t); got != want {
		t.Errorf("there are %s after restoring, and were %s", got, want)
	}
	status, body, err := get("stage", "/people?limit=1")
	if err != nil || status != http.StatusOK || !strings.Contains(body, "Ada Ashdown") {
		t.Errorf("the service answers %d %.200s %v", status, body, err)
	}
	happened("restored %s after the push, %s: %s", seconds(took), strings.Split(want, ",")[0], kubectl(t, "-n", stageNamespace, "logs", "--tail=1", "job/postgres-restore"))

	stageRuns(t, takeBack(), "postgres")
	if got := people(t); got != want {
		t.Errorf("there are %s once the restore is taken out, and were %s", got, want)
	}
	query(t, "DROP DATABASE towpath_before")
}

// syncEnded is nil once an Application of stage was synced to a revision, with all hooks. It is called Synced before.
func syncEnded(name, revision string) func() error {
	return func() error {
		found, err := readApplication("argocd-stage", name)
		if err != nil {
			return err
		}
		if operation := found.Status.OperationState; operation.SyncResult.Revision != revision || operation.Phase != "Succeeded" {
			return fmt.Errorf("%s: %s", name, found)
		}
		return nil
	}
}

// jobSucceeded is nil once so many pods of a Job have.
func jobSucceeded(name string, pods int) func() error {
	return func() error {
		status, err := tryKubectl("-n", stageNamespace, "get", "job", name, "-o", "jsonpath={.status.succeeded} of {.spec.completions}, {.status.failed} failed, {.status.conditions[*].message}")
		if err == nil && !strings.HasPrefix(status, strconv.Itoa(pods)+" ") {
			said, _ := tryKubectl("-n", stageNamespace, "logs", "--prefix", "--tail=5", "--max-log-requests=20", "-l", "batch.kubernetes.io/job-name="+name)
			err = fmt.Errorf("job %s: %s\n%s", name, status, said)
		}
		return err
	}
}

// TestRemovedDatabaseKeepsItsClaim shares its commits with what TestUnusedClaimStays tries in dev, as the two environments
// take them side by side.
func TestRemovedDatabaseKeepsItsClaim(t *testing.T) {
	needsBundled(t)
	happened := tried(t, "a commit takes PostgreSQL and Redis out of stage, and another puts them back")
	if _, err := redisSays("set", "suite", "kept"); err != nil {
		t.Fatal(err)
	}
	want := people(t)
	claims := func() string {
		return kubectl(t, "-n", stageNamespace, "get", "persistentvolumeclaims", "data-postgres-0", "postgres-backups", "data-redis-0", "service-data",
			"-o", "jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.spec.volumeName} {.status.phase}{'\\n'}{end}")
	}
	before := claims()
	unused := withoutClaim(t)
	// One pod, because SQLite takes no more.
	replaceIn(t, "envs/stage/env.cue", `database: "bundled"`, `database: "embedded"`)
	replaceIn(t, "envs/stage/env.cue", `redis:    "bundled"`, `redis:    "none"`)
	replaceIn(t, "envs/stage/env.cue", "replicas: 2\n", "replicas: 1\n")
	// Their images are named beside the service's.
	for _, name := range []string{"postgres", "redis"} {
		replaceIn(t, "envs/stage/release.cue", "releases: "+name+": ", "_without: "+name+": ")
	}
	revision, takeBack := merged(t, "stage: no database of its own; dev: nothing is kept")
	refresh(t, "argocd-dev", "service")
	took := stageRuns(t, revision, "service") + eventually(t, 3*time.Minute, func() error {
		for _, name := range []string{"postgres", "redis"} {
			if left, err := tryKubectl("-n", "argocd-stage", "get", "applications.argoproj.io", name, "--ignore-not-found", "-o", "name"); err != nil || left != "" {
				return fmt.Errorf("there is still %s %w", left, err)
			}
		}
		if left, err := tryKubectl("-n", stageNamespace, "get", "statefulsets,cronjobs,pods", "-l", "app.kubernetes.io/name in (postgres,redis)", "-o", "name"); err != nil || left != "" {
			return fmt.Errorf("there is still %s %w", left, err)
		}
		return nil
	})
	if now := claims(); now != before {
		t.Errorf("the claims were\n%s\nand are\n%s", before, now)
	}
	happened("both are gone %s after the push, and %d claims are still bound", seconds(took), strings.Count(before, "\n")+1)
	unused.isOff(t, revision)
	revision = takeBack()
	refresh(t, "argocd-dev", "service")
	took = stageRuns(t, revision, bundled...)
	if now := claims(); now != before {
		t.Errorf("the claims were\n%s\nand are\n%s", before, now)
	}
	if got := people(t); got != want {
		t.Errorf("there are %s, and were %s", got, want)
	}
	if got, err := redisSays("getdel", "suite"); err != nil || got != "kept" {
		t.Errorf("the key is %q, %v", got, err)
	}
	happened("back %s after the push, with %s and the keys of Redis", seconds(took), strings.Split(want, ",")[0])
	unused.isBack(t, revision)
}

func TestUnusedClaimStays(t *testing.T) {
	if wholeSuite() {
		return // TestRemovedDatabaseKeepsItsClaim has tried it.
	}
	unused := withoutClaim(t)
	revision, takeBack := merged(t, "dev: nothing is kept")
	refresh(t, "argocd-dev", "service")
	unused.isOff(t, revision)
	revision = takeBack()
	refresh(t, "argocd-dev", "service")
	unused.isBack(t, revision)
}

// unusedClaim is the claim of dev while nothing there keeps data.
type unusedClaim struct {
	happened       func(format string, args ...any)
	before, person string
}

// withoutClaim changes dev, in the working tree, so that nothing there keeps data.
func withoutClaim(t *testing.T) unusedClaim {
	t.Helper()
	u := unusedClaim{
		happened: tried(t, "a commit switches off all that keeps data in dev, and with it the claim, and another on again"),
		person:   "5709a9e0-0000-4000-8000-200000000000",
	}
	eventually(t, 3*time.Minute, delivered("argocd-dev", "service", ""))
	if err := addPerson(t.Context(), "dev", u.person); err != nil {
		t.Fatal(err)
	}
	u.before = u.claim(t)
	replaceIn(t, "envs/dev/env.cue", "config: {\n", "config: {\n\t\t\t\tworkloads: {people: false, portal: false}\n")
	return u
}

func (u unusedClaim) claim(t *testing.T) string {
	t.Helper()
	return kubectl(t, "-n", "towpath-dev", "get", "persistentvolumeclaim", "service-data", "-o", "jsonpath={.metadata.uid} {.spec.volumeName} {.status.phase}")
}

// isOff waits until dev is at the commit, and makes sure that the claim is there and no pod has it.
func (u unusedClaim) isOff(t *testing.T, revision string) {
	t.Helper()
	took := eventually(t, 5*time.Minute, delivered("argocd-dev", "service", revision))
	volumes := kubectl(t, "-n", "towpath-dev", "get", "deployment", "service", "-o", "jsonpath={.spec.template.spec.volumes[*].persistentVolumeClaim.claimName}")
	if now := u.claim(t); now != u.before || volumes != "" {
		t.Errorf("the claim was %s and is %s; pods use %q", u.before, now, volumes)
	}
	u.happened("pods without it after waiting %s, and the Application is Synced though the claim is in no commit", seconds(took))
}

// isBack waits until dev is at the commit that takes it back, and makes sure that nothing is lost.
func (u unusedClaim) isBack(t *testing.T, revision string) {
	t.Helper()
	took := eventually(t, 5*time.Minute, delivered("argocd-dev", "service", revision))
	if now := u.claim(t); now != u.before {
		t.Errorf("the claim was %s and is %s", u.before, now)
	}
	status, body, err := get("dev", "/people/"+u.person)
	if err != nil || status != http.StatusOK {
		t.Errorf("who was there before is not: %d %.200s %v", status, body, err)
	}
	u.happened("back after waiting %s, with who was there before", seconds(took))
}

// migrated is how often each migration has run, by the table in which goose notes it.
func migrated(t *testing.T) string {
	t.Helper()
	return query(t, "SELECT string_agg(version_id || ' ' || n || 'x', ', ' ORDER BY version_id) FROM (SELECT version_id, count(*) n FROM goose_db_version GROUP BY 1) v")
}

// onceEach is what migrated says where each has run once. The first stands for the table itself.
var onceEach = regexp.MustCompile(`^0 1x(, \d+ 1x)+$`)

func TestEightMigrateAtOnce(t *testing.T) {
	needsBundled(t)
	happened := tried(t, "eight pods run `service migrate` at once, on an empty database")
	query(t, "DROP OWNED BY towpath")
	const name = "service-migration-eight"
	var job map[string]any
	if err := json.Unmarshal([]byte(kubectl(t, "-n", stageNamespace, "get", "job", "service-migration", "-o", "json")), &job); err != nil {
		t.Fatal(err)
	}
	spec, _ := job["spec"].(map[string]any)
	template, _ := spec["template"].(map[string]any)
	metadata, _ := template["metadata"].(map[string]any)
	labels, _ := metadata["labels"].(map[string]any)
	for label := range labels {
		if strings.Contains(label, "controller-uid") || strings.Contains(label, "job-name") {
			delete(labels, label)
		}
	}
	delete(spec, "selector")
	spec["parallelism"], spec["completions"], spec["backoffLimit"] = 8, 8, 0
	made, err := json.Marshal(map[string]any{
		"apiVersion": "batch/v1", "kind": "Job", "metadata": map[string]any{"name": name, "namespace": stageNamespace}, "spec": spec,
	})
	if err != nil {
		t.Fatal(err)
	}
	create := kubectlCommand("create", "-f", "-")
	create.Stdin = bytes.NewReader(made)
	if _, err := output(create); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kubectl(t, "-n", stageNamespace, "delete", "job", name) })
	took := eventually(t, 5*time.Minute, jobSucceeded(name, 8))
	ran := migrated(t)
	if !onceEach.MatchString(ran) {
		t.Errorf("migrations ran: %s", ran)
	}
	who := 0
	for pod := range strings.FieldsSeq(kubectl(t, "-n", stageNamespace, "get", "pods", "-l", "batch.kubernetes.io/job-name="+name, "-o", "jsonpath={.items[*].metadata.name}")) {
		if strings.Contains(kubectl(t, "-n", stageNamespace, "logs", pod), " ran in ") {
			who++
		}
	}
	if who != 1 {
		t.Errorf("%d of the pods have migrated", who)
	}
	happened("all succeeded after %s, one of them migrated, and each migration ran once (%s)", seconds(took), ran)
}

func TestEightPodsStartAtOnce(t *testing.T) {
	needsBundled(t)
	happened := tried(t, "stage is delivered with eight pods to an empty database, and all eight are deleted at once")
	query(t, "DROP OWNED BY towpath")
	replaceIn(t, "envs/stage/env.cue", "replicas: 2\n", "replicas: 8\n")
	revision, takeBack := merged(t, "stage: eight pods")
	took := stageRuns(t, revision, "service")
	ran := migrated(t)
	if !onceEach.MatchString(ran) {
		t.Errorf("migrations ran: %s", ran)
	}
	happened("all ready %s after the push", seconds(took))
	kubectl(t, "-n", stageNamespace, "delete", "pods", "-l", "app.kubernetes.io/name=service", "--wait=false")
	took = eventually(t, 3*time.Minute, settled("stage"))
	if now := migrated(t); now != ran {
		t.Errorf("migrations ran: %s; before the pods started: %s", now, ran)
	}
	happened("eight new ones %s after the old were deleted; each migration ran once (%s)", seconds(took), ran)
	takeBack() // Who needs stage next waits for it.
	refresh(t, "argocd-stage", "service")
}
