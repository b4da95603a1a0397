//go:build unix

package charts_test

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/gen/manifest"
)

// redis is a release of the chart: a server started by the script of its pod, and a folder for its backups.
type redis struct {
	port                        string
	data, backups, secret, home string
	process                     *exec.Cmd
}

func startRedis(t *testing.T) *redis {
	t.Helper()
	program(t, "redis-server", "apt-get install redis-server")
	// The path of a socket is at most 107 bytes long, and t.TempDir has the test's name in it.
	home, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	r := &redis{data: t.TempDir(), backups: t.TempDir(), secret: t.TempDir(), home: home}
	write(t, filepath.Join(r.secret, "password"), password+"\n")
	r.restart(t)
	return r
}

// restart starts the server on its data, with the arguments of its pod.
func (r *redis) restart(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, r.port, _ = net.SplitHostPort(listener.Addr().String())
	listener.Close()
	objects := render(t, "redis", "")
	c := r.container(t, objects, "StatefulSet/redis", "redis")
	process, out := c.start(t, "--port", r.port, "--bind", "127.0.0.1")
	r.process = process

	ready := r.container(t, objects, "StatefulSet/redis", "redis")
	ready.Command, ready.Args = ready.StartupProbe.Exec.Command, nil
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := ready.run(t); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not get ready:\n%s", out)
		}
	}
}

// stop ends the server as the kubelet does.
func (r *redis) stop(t *testing.T) {
	t.Helper()
	if err := r.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := r.process.Wait(); err != nil {
		t.Errorf("redis-server ended with %v", err)
	}
}

func (r *redis) container(t *testing.T, objects []manifest.Object, object, name string) container {
	t.Helper()
	c := find(t, pod(t, objects, object), name)
	c.folders = map[string]string{"/data": r.data, "/backups": r.backups, "/run/secrets/redis": r.secret, "/run/redis": r.home, "/tmp": r.home}
	c.environment = map[string]string{"REDIS_HOST": "127.0.0.1", "REDIS_PORT": r.port}
	return c
}

func (r *redis) backup(t *testing.T, values string) container {
	t.Helper()
	return r.container(t, render(t, "redis", "backup: {enabled: true"+values+"}"), "CronJob/redis-backup", "backup")
}

func (r *redis) restore(t *testing.T, file, more string) container {
	t.Helper()
	return r.container(t, render(t, "redis", fmt.Sprintf("restore: {file: %s%s}", file, more)), "Job/redis-restore", "restore")
}

// cli asks the server as a user.
func (r *redis) cli(t *testing.T, user string, args ...string) string {
	t.Helper()
	return r.ask(t, user, "", args...)
}

// ask lets redis-cli read its commands.
func (r *redis) ask(t *testing.T, user, commands string, args ...string) string {
	t.Helper()
	cmd := exec.Command("redis-cli", slices.Concat([]string{"-p", r.port, "--user", user, "--quoted-input"}, args)...)
	cmd.Env = append(os.Environ(), "REDISCLI_AUTH="+password)
	cmd.Stdin = strings.NewReader(commands)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// fill makes keys of every type, with names that a shell would stumble over, in two databases.
func (r *redis) fill(t *testing.T) {
	t.Helper()
	for _, command := range [][]string{
		{"SET", "plain", "value"},
		{"SET", `"a \"name\"\nof $(two) lines\x00\xff"`, `"bytes \x00\x01\xff"`},
		{"SET", `"it's"`, "quoted"},
		{"SET", "session", "soon-gone", "EX", "5000"},
		{"RPUSH", "list", "a", "b", "c"},
		{"SADD", "set", "3", "1", "2"}, // numbers stay in order, words do not
		{"SADD", "words", "x"},
		{"ZADD", "sorted", "1.5", "x", "2", "y"},
		{"HSET", "hash", "f", "1", "g", "2"},
		{"XADD", "stream", "1-1", "f", "v"},
		{"-n", "3", "SET", "elsewhere", "too"},
	} {
		r.cli(t, "default", command...)
	}
	var pairs []string
	for i := range 1234 { // more than the keys that are sent at a time
		pairs = append(pairs, "key:"+strconv.Itoa(i), strings.Repeat(strconv.Itoa(i), 50))
	}
	r.cli(t, "default", append([]string{"MSET"}, pairs...)...)
}

// content is all there is, as the server itself would write it, but for the mark of a restore.
func (r *redis) content(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, db := range []string{"0", "3"} {
		var names, questions []string
		for name := range strings.Lines(r.cli(t, "default", "-n", db, "--no-raw", "--scan")) {
			name = strings.TrimSpace(name)
			if name == `"towpath:restored"` || name == "" {
				continue
			}
			names = append(names, name)
			questions = append(questions, "EXPIRETIME "+name, "DUMP "+name)
		}
		answers := strings.Split(r.ask(t, "default", strings.Join(questions, "\n"), "-n", db, "--no-raw"), "\n")
		if len(answers) != len(questions) {
			t.Fatalf("%d questions have %d answers", len(questions), len(answers))
		}
		for i, name := range names {
			all = append(all, db+" "+name+" "+answers[2*i]+" "+answers[2*i+1])
		}
	}
	slices.Sort(all)
	return all
}

// expect compares what there is with what there was.
func (r *redis) expect(t *testing.T, want []string) {
	t.Helper()
	got := r.content(t)
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("missing: %.300s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("unexpected: %.300s", line)
		}
	}
}

var rdbLine = regexp.MustCompile(`^backup (redis-\d{8}T\d{6}Z\.rdb): \d+ bytes, (\d+) kept\n$`)

func TestRedisUsers(t *testing.T) {
	r := startRedis(t)
	for _, test := range []struct{ user, command, want string }{
		{"default", "SET a b", "OK"},
		{"default", "GET a", "b"},
		{"default", "FLUSHALL", "OK"},
		{"default", "CONFIG GET dir", "NOPERM"},
		{"default", "SHUTDOWN", "NOPERM"},
		{"default", "REPLICAOF a 1", "NOPERM"},
		{"backup", "GET a", "NOPERM"},
		{"metrics", "CONFIG GET maxmemory-policy", "volatile-lru"},
		{"metrics", "CONFIG GET maxmemory", "161061273"}, // 60 % of 256Mi
		{"metrics", "CONFIG GET appendonly", "yes"},
		{"metrics", "CONFIG SET maxmemory 1", "NOPERM"},
		{"metrics", "GET a", "NOPERM"},
		{"metrics", "INFO server", "redis_version"},
	} {
		if got := r.cli(t, test.user, strings.Fields(test.command)...); !strings.Contains(got, test.want) {
			t.Errorf("%s: %s = %s, want %s", test.user, test.command, got, test.want)
		}
	}
	out, _ := exec.Command("redis-cli", "-p", r.port, "GET", "a").CombinedOutput()
	if !strings.Contains(string(out), "NOAUTH") {
		t.Errorf("without a password: %s", out)
	}
	users, err := os.ReadFile(filepath.Join(r.home, "users.acl"))
	if err != nil {
		t.Fatal(err)
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", r.process.Process.Pid))
	if err == nil && strings.Contains(string(line), password) || strings.Contains(string(users), password) {
		t.Error("the password stands in the arguments or in a file")
	}
}

// TestRedisKeepsData stops the server as the kubelet does, and starts it again.
func TestRedisKeepsData(t *testing.T) {
	r := startRedis(t)
	r.fill(t)
	want := r.content(t)
	r.stop(t)
	r.restart(t)
	r.expect(t, want)
}

func TestRedisBackupAndRestore(t *testing.T) {
	r := startRedis(t)
	r.fill(t)
	want := r.content(t)
	out := r.backup(t, "").succeed(t, "")
	match := rdbLine.FindStringSubmatch(out)
	if match == nil {
		t.Fatalf("the backup said:\n%s", out)
	}
	name := match[1]
	if got := files(t, r.backups); !slices.Equal(got, []string{name, name + ".sha256"}) {
		t.Fatalf("the backups are %q", got)
	}

	r.restore(t, name, "").refuse(t, "nothing was changed. To replace them set restore.overwrite")

	r.cli(t, "default", "FLUSHALL")
	r.restore(t, name, "").succeed(t, "restored from "+name+", attempt 1; 2 databases")
	r.expect(t, want)

	// The next deployment runs the Job again, which must not undo what came after.
	r.cli(t, "default", "SET", "later", "x")
	r.restore(t, name, ", overwrite: true").succeed(t, "already; nothing to do")
	if r.cli(t, "default", "GET", "later") != "x" {
		t.Error("the second run undid what came after the first")
	}
	r.restore(t, name, ", overwrite: true, attempt: 2").succeed(t, "attempt 2")
	r.expect(t, want)
	r.restore(t, "redis-19990101T000000Z.rdb", "").refuse(t, "  "+name)
	if got := files(t, r.backups); !slices.Equal(got, []string{name, name + ".sha256"}) {
		t.Errorf("restoring left %q", got)
	}
}

func TestRedisRefusesDamage(t *testing.T) {
	r := startRedis(t)
	r.fill(t)
	want := r.content(t)
	name := rdbLine.FindStringSubmatch(r.backup(t, "").succeed(t, ""))[1]
	path := filepath.Join(r.backups, name)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	half := len(whole) / 2
	for how, damaged := range map[string]string{
		"cut off":       string(whole[:half]),
		"a bit turned":  string(whole[:half]) + string([]byte{whole[half] ^ 1}) + string(whole[half+1:]),
		"empty":         "",
		"a newer Redis": "REDIS0999" + string(whole[9:]),
	} {
		write(t, path, damaged)
		t.Run(how, func(t *testing.T) {
			r.restore(t, name, ", overwrite: true").refuse(t, name+" is damaged: it is not what was written")
			os.Rename(path+".sha256", path+".away")
			defer os.Rename(path+".away", path+".sha256")
			r.restore(t, name, ", overwrite: true").refuse(t, name+" is damaged, or of a newer Redis")
			r.expect(t, want)
		})
	}
}

func TestRedisBackupKeepsOldOnes(t *testing.T) {
	r := startRedis(t)
	r.fill(t)
	old := []string{"redis-20200101T000000Z.rdb", "redis-20210101T000000Z.rdb", "redis-20220101T000000Z.rdb"}
	for _, name := range old {
		write(t, filepath.Join(r.backups, name), "old")
	}
	write(t, filepath.Join(r.backups, "redis-20230101T000000Z.rdb.part"), "half")

	c := r.backup(t, ", keep: 1")
	c.environment["REDIS_PORT"] = "1"
	c.refuse(t, "onnect")
	if got := files(t, r.backups); !slices.Equal(got, old) {
		t.Errorf("after a backup that failed there are %q", got)
	}

	c = r.backup(t, ", keep: 1")
	c.folders["/backups"] = smallDisk(t, &c)
	write(t, filepath.Join(c.folders["/backups"], old[0]), "old")
	// What does not compress, and is larger than the disk.
	random := make([]byte, 1<<19)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	r.ask(t, "default", fmt.Sprintf("SET large %x", random))
	if out, err := c.run(t); err == nil {
		t.Errorf("a backup fit on the full disk:\n%s", out)
	}
	if got := files(t, c.folders["/backups"]); !slices.Equal(got, old[:1]) {
		t.Errorf("on the full disk there is %q", got)
	}

	name := rdbLine.FindStringSubmatch(r.backup(t, ", keep: 2").succeed(t, ", 2 kept\n"))[1]
	if got, want := files(t, r.backups), []string{old[2], name, name + ".sha256"}; !slices.Equal(got, want) {
		t.Errorf("the backups are %q, want %q", got, want)
	}
}
