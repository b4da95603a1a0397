//go:build unix

package charts_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	corev1 "k8s.io/api/core/v1"

	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/service/database/databasetest"
	"gitlab.com/towpath/towpath/service/database/pgserver"
)

// A password with all that a shell, SQL and a URL would take for something else.
const password = `p'a"s\s $(w) o%r/d#`

// postgres is a release of the chart: a database as the image's entrypoint leaves it, and a folder for its backups.
type postgres struct {
	name                         string // of its user and of its database
	bin, socket, backups, secret string
}

// releases counts the releases: they share a server, and have each a user and a database of their own.
var releases atomic.Int64

// startPostgres makes user and database with the script of the chart.
func startPostgres(t *testing.T) *postgres {
	t.Helper()
	socket := databasetest.Socket(t)
	bin, err := pgserver.Programs()
	if err != nil {
		t.Fatal(err)
	}
	p := &postgres{bin: bin, socket: socket, backups: t.TempDir(), secret: t.TempDir()}
	p.name = fmt.Sprintf("towpath_%d", releases.Add(1))
	write(t, filepath.Join(p.secret, "password"), password+"\n")

	objects := p.render(t, "")
	i := slices.IndexFunc(objects, func(o manifest.Object) bool { return o.Name == "postgres-init" })
	script, _ := objects[i].Data["data"].(map[string]any)["roles.sh"].(string)
	main := p.container(t, objects, "StatefulSet/postgres", "postgres")
	main.Args = nil
	main.Command = []string{"/bin/sh", "-c", "set -e\n" + script}
	main.succeed(t, "")

	// From here on the user needs the password, as on the network.
	hba := filepath.Join(p.socket, "data", "pg_hba.conf")
	if err := os.WriteFile(hba, []byte("local all postgres trust\nlocal all all scram-sha-256\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.exec(t, p.as("postgres", "postgres"), "SELECT pg_reload_conf()")
	return p
}

func (p *postgres) render(t *testing.T, values string) []manifest.Object {
	t.Helper()
	return render(t, "postgres", fmt.Sprintf("auth: {user: %s, database: %[1]s}\n%s", p.name, values))
}

// container returns a container whose folders are here and whose server is p.
func (p *postgres) container(t *testing.T, objects []manifest.Object, object, name string) container {
	t.Helper()
	c := find(t, pod(t, objects, object), name)
	c.path = p.bin
	c.folders["/backups"] = p.backups
	c.folders["/run/secrets/postgres"] = p.secret
	c.environment["PGHOST"] = p.socket
	return c
}

func (p *postgres) backup(t *testing.T, values string) container {
	t.Helper()
	return p.container(t, p.render(t, values), "CronJob/postgres-backup", "backup")
}

func (p *postgres) restore(t *testing.T, file, more string) container {
	t.Helper()
	objects := p.render(t, fmt.Sprintf("restore: {file: %s%s}", file, more))
	return p.container(t, objects, "Job/postgres-restore", "restore")
}

// url is where a service finds its database.
func (p *postgres) url() string { return p.as(p.name, p.name) }

// as is the URL of a user and a database.
func (p *postgres) as(user, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Path: "/" + database, RawQuery: url.Values{"host": {p.socket}}.Encode()}
	return u.String()
}

func (p *postgres) exec(t *testing.T, where string, statements ...string) {
	t.Helper()
	db, err := sql.Open("pgx", where)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func (p *postgres) query(t *testing.T, where, question string) string {
	t.Helper()
	db, err := sql.Open("pgx", where)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var answer sql.NullString
	if err := db.QueryRow(question).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	return answer.String
}

// fill makes what a restored database has to have again: rows that refer to each other, a sequence that goes on, an
// index, a view, large texts and bytes, another schema.
func (p *postgres) fill(t *testing.T) {
	t.Helper()
	p.exec(t, p.url(),
		"CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE)",
		"CREATE TABLE notes (id bigint PRIMARY KEY, owner bigint NOT NULL REFERENCES users, body text, picture bytea)",
		"CREATE INDEX notes_of_owner ON notes (owner)",
		"CREATE SCHEMA more",
		"CREATE TABLE more.things (x numeric, at timestamptz)",
		"CREATE VIEW more.few AS SELECT count(*) FROM users",
		"INSERT INTO users (name) SELECT 'Zoë \\ '' ' || n FROM generate_series(1, 500) n",
		"INSERT INTO notes SELECT n, 1 + n % 500, repeat(md5(n::text), 20), sha256(n::text::bytea) FROM generate_series(1, 3000) n",
		"INSERT INTO more.things VALUES (0.1, '2025-01-02 03:04:05+00'), (NULL, NULL)",
	)
}

// content is a fingerprint of all that fill made.
func (p *postgres) content(t *testing.T, database string) string {
	t.Helper()
	return p.query(t, p.as(p.name, database), `SELECT concat_ws(' ',
		(SELECT md5(string_agg(u::text, '|' ORDER BY id)) FROM users u),
		(SELECT md5(string_agg(n::text, '|' ORDER BY id)) FROM notes n),
		(SELECT md5(string_agg(h::text, '|' ORDER BY x)) FROM more.things h),
		(SELECT count FROM more.few),
		(SELECT string_agg(indexname, ',' ORDER BY indexname) FROM pg_indexes WHERE schemaname IN ('public', 'more')),
		(SELECT string_agg(conname, ',' ORDER BY conname) FROM pg_constraint WHERE contype IN ('p', 'f', 'u') AND connamespace = 'public'::regnamespace))`)
}

var backupLine = regexp.MustCompile(`^backup (towpath_\d+-\d{8}T\d{6}Z\.dump): \d+ bytes, (\d+) kept\n$`)

// back makes a backup, and returns its name.
func (p *postgres) back(t *testing.T) string {
	t.Helper()
	out := p.backup(t, "").succeed(t, "")
	match := backupLine.FindStringSubmatch(out)
	if match == nil {
		t.Fatalf("the backup said:\n%s", out)
	}
	return match[1]
}

func TestPostgresUserIsNoSuperuser(t *testing.T) {
	p := startPostgres(t)
	got := p.query(t, p.as("postgres", "postgres"), `SELECT concat_ws(' ', rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
		(SELECT rolname FROM pg_roles r JOIN pg_database d ON d.datdba = r.oid WHERE datname = '`+p.name+`'),
		(SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = 'postgres')) FROM pg_roles WHERE rolname = '`+p.name+`'`)
	if want := "f f t f f " + p.name + " t"; got != want {
		t.Errorf("the user is %q, want %q", got, want)
	}
	if got := p.query(t, p.url(), "SELECT current_user"); got != p.name {
		t.Errorf("signed in as %q", got)
	}
	log, err := os.ReadFile(filepath.Join(p.socket, "log"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(log), password) {
		t.Error("the password stands in the server's log")
	}
}

// TestPostgresProbesNeedNoName runs the probes as the user of the pod, who has a number and no name. Without a name to
// sign in with, pg_isready does not even ask, and a server that never was asked never becomes ready.
func TestPostgresProbesNeedNoName(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("becoming the user of the pod takes root: run it with sudo")
	}
	bin, err := pgserver.Programs()
	if err != nil {
		program(t, "postgres", "apt-get install postgresql")
	}
	template := pod(t, render(t, "postgres", ""), "StatefulSet/postgres")
	server := find(t, template, "postgres")
	user := template.Spec.SecurityContext
	for name, probe := range map[string]*corev1.Probe{"startup": server.StartupProbe, "readiness": server.ReadinessProbe} {
		command := probe.Exec.Command
		cmd := exec.Command(filepath.Join(bin, command[0]), command[1:]...)
		cmd.Args = slices.DeleteFunc(cmd.Args, func(arg string) bool { return arg == "--quiet" })
		// Nobody listens there. Code 2 tells that, and 3 that it was not tried.
		cmd.Env = []string{"PGPORT=1"}
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(*user.RunAsUser), Gid: uint32(*user.RunAsGroup)}}
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 2 {
			t.Errorf("%s probe %q ended with %v: %s", name, command, cmd.ProcessState, out)
		}
	}
}

func TestPostgresBackupAndRestore(t *testing.T) {
	p := startPostgres(t)
	p.fill(t)
	want := p.content(t, p.name)
	name := p.back(t)
	if got := files(t, p.backups); !slices.Equal(got, []string{name, name + ".sha256"}) {
		t.Fatalf("the backups are %q", got)
	}

	// The data is there still: nothing is replaced without being asked to.
	p.restore(t, name, "").refuse(t, "nothing was changed. To replace them set restore.overwrite")
	if got := p.content(t, p.name); got != want {
		t.Fatalf("the refusal changed something:\n%s\n%s", got, want)
	}

	// All is lost.
	p.exec(t, p.url(), "DROP SCHEMA more CASCADE", "DROP TABLE notes", "DROP TABLE users")
	p.restore(t, name, "").succeed(t, p.name+" was restored from "+name+", attempt 1; the database before was empty")
	if got := p.content(t, p.name); got != want {
		t.Errorf("restored as\n%s\nwant\n%s", got, want)
	}
	p.exec(t, p.url(), "INSERT INTO users (name) VALUES ('later')")
	if got := p.query(t, p.url(), "SELECT id FROM users WHERE name = 'later'"); got != "501" {
		t.Errorf("the sequence went on with %s, want 501", got)
	}

	// The next deployment runs the Job again, which must not undo what came after.
	p.restore(t, name, ", overwrite: true").succeed(t, "already; nothing to do")
	if got := p.query(t, p.url(), "SELECT count(*) FROM users"); got != "501" {
		t.Errorf("there are %s users, want 501", got)
	}

	// Another attempt, under the eyes of a client.
	db, err := sql.Open("pgx", p.url())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.restore(t, name, ", overwrite: true, attempt: 2").succeed(t, "the database before is kept as "+p.name+"_before")
	if got := p.content(t, p.name); got != want {
		t.Errorf("restored over data as\n%s\nwant\n%s", got, want)
	}
	if got := p.query(t, p.as(p.name, p.name+"_before"), "SELECT count(*) FROM users"); got != "501" {
		t.Errorf("the database before has %s users, want 501", got)
	}
	if err := conn.PingContext(context.Background()); err == nil {
		t.Error("a client is still connected to the database that was replaced")
	}
	p.restore(t, name, ", overwrite: true, attempt: 3").succeed(t, "attempt 3")

	p.restore(t, p.name+"-19990101T000000Z.dump", "").refuse(t, "  "+name)
}

// TestPostgresRestoreAfterInterruption begins where an attempt was killed: the new database half made, the old closed.
func TestPostgresRestoreAfterInterruption(t *testing.T) {
	p := startPostgres(t)
	p.fill(t)
	want := p.content(t, p.name)
	name := p.back(t)
	p.exec(t, p.as("postgres", "postgres"),
		"CREATE DATABASE "+p.name+"_restoring OWNER "+p.name, "ALTER DATABASE "+p.name+" ALLOW_CONNECTIONS false")
	p.restore(t, name, ", overwrite: true").succeed(t, "attempt 1")
	if got := p.content(t, p.name); got != want {
		t.Errorf("restored as\n%s\nwant\n%s", got, want)
	}
}

func TestPostgresRefusesDamage(t *testing.T) {
	p := startPostgres(t)
	p.fill(t)
	want := p.content(t, p.name)
	name := p.back(t)
	path := filepath.Join(p.backups, name)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for how, damaged := range map[string]string{
		"cut off":      string(whole[:len(whole)/2]),
		"a bit turned": string(whole[:len(whole)/2]) + string(whole[len(whole)/2]^1) + string(whole[len(whole)/2+1:]),
		"empty":        "",
	} {
		write(t, path, damaged)
		for sum, prepare := range map[string]func(){
			"with its checksum":    func() {},
			"without its checksum": func() { os.Remove(path + ".sha256") },
		} {
			if how == "a bit turned" && sum == "without its checksum" {
				continue // PostgreSQL notices most of it, which is what the checksum is for
			}
			prepare()
			t.Run(how+"/"+sum, func(t *testing.T) {
				p.restore(t, name, ", overwrite: true").refuse(t, name+" is damaged")
				if got := p.content(t, p.name); got != want {
					t.Errorf("the refusal changed something:\n%s\n%s", got, want)
				}
			})
		}
		write(t, path+".sha256", strings.Repeat("0", 64)+"  "+name+"\n")
	}
}

func TestPostgresBackupKeepsOldOnes(t *testing.T) {
	p := startPostgres(t)
	p.fill(t)
	old := []string{p.name + "-20200101T000000Z.dump", p.name + "-20210101T000000Z.dump", p.name + "-20220101T000000Z.dump"}
	for _, name := range old {
		write(t, filepath.Join(p.backups, name), "old")
		write(t, filepath.Join(p.backups, name+".sha256"), "old")
	}
	// What a killed backup left, and what is not the chart's.
	write(t, filepath.Join(p.backups, p.name+"-20230101T000000Z.dump.part"), "half")
	write(t, filepath.Join(p.backups, p.name+"-by-hand.dump"), "mine")

	// No server: nothing goes.
	c := p.backup(t, "backup: {keep: 1}")
	c.environment["PGHOST"] = t.TempDir()
	c.refuse(t, "No such file")
	for _, name := range old {
		if !slices.Contains(files(t, p.backups), name) {
			t.Errorf("a backup that failed removed %s", name)
		}
	}

	out := p.backup(t, "backup: {keep: 2}").succeed(t, ", 2 kept\n")
	name := backupLine.FindStringSubmatch(out)[1]
	want := []string{old[2], old[2] + ".sha256", name, name + ".sha256", p.name + "-by-hand.dump"}
	slices.Sort(want)
	if got := files(t, p.backups); !slices.Equal(got, want) {
		t.Errorf("the backups are\n%q, want\n%q", got, want)
	}
}

func TestPostgresBackupOnAFullDisk(t *testing.T) {
	p := startPostgres(t)
	p.fill(t)
	p.exec(t, p.url(), "INSERT INTO notes SELECT 10000 + n, 1, NULL, sha256(n::text::bytea) || sha512(n::text::bytea) FROM generate_series(1, 10000) n")
	c := p.backup(t, "backup: {keep: 1}")
	dir := smallDisk(t, &c)
	c.folders["/backups"] = dir
	old := p.name + "-20200101T000000Z.dump"
	write(t, filepath.Join(dir, old), "old")
	out, err := c.run(t)
	if err == nil {
		t.Fatalf("a backup fit on the full disk:\n%s", out)
	}
	if got := files(t, dir); !slices.Equal(got, []string{old}) {
		t.Errorf("after %s\nthe backups are %q", out, got)
	}
}

func TestPostgresBackupsOneAtATime(t *testing.T) {
	p := startPostgres(t)
	lock, err := os.Create(filepath.Join(p.backups, ".lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	p.backup(t, "").refuse(t, "another backup is running")
}

func TestPostgresMajorVersion(t *testing.T) {
	bin, err := pgserver.Programs()
	if err != nil {
		program(t, "initdb", err.Error())
	}
	text, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	image := regexp.MustCompile(`\d+`).FindString(string(text))
	guard := func(t *testing.T, values, data string) (container, string) {
		c := find(t, pod(t, render(t, "postgres", values), "StatefulSet/postgres"), "version")
		c.path = bin
		dir := t.TempDir()
		c.folders["/data"] = dir
		if data != "" {
			if err := os.Mkdir(filepath.Join(dir, "pgdata"), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "pgdata", "PG_VERSION"), data+"\n")
		}
		return c, dir
	}
	const upgrade = "upgradeFrom: 9\nrestore: {file: towpath-20250102T030405Z.dump}"

	t.Run("no data", func(t *testing.T) {
		c, _ := guard(t, "", "")
		c.succeed(t, "no data yet")
	})
	t.Run("the same", func(t *testing.T) {
		c, dir := guard(t, upgrade, image)
		c.succeed(t, "both of PostgreSQL "+image)
		if got := files(t, dir); !slices.Equal(got, []string{"pgdata"}) {
			t.Errorf("there is now %q", got)
		}
	})
	for _, other := range []string{"9", "99"} {
		t.Run("data of "+other, func(t *testing.T) {
			c, dir := guard(t, "", other)
			c.refuse(t, "The data is of PostgreSQL "+other+" and the image is PostgreSQL "+image)
			if got := files(t, dir); !slices.Equal(got, []string{"pgdata"}) {
				t.Errorf("there is now %q", got)
			}
		})
	}
	t.Run("an upgrade", func(t *testing.T) {
		c, dir := guard(t, upgrade, "9")
		c.succeed(t, "set aside")
		if got := files(t, dir); !slices.Equal(got, []string{"pgdata-9"}) {
			t.Errorf("there is now %q", got)
		}
		c.succeed(t, "no data yet") // the pod starts anew before the image made the folder
	})
	t.Run("an upgrade of another version", func(t *testing.T) {
		c, _ := guard(t, upgrade, "99")
		c.refuse(t, "Nothing was changed")
	})
	t.Run("an upgrade a second time", func(t *testing.T) {
		c, dir := guard(t, upgrade, "9")
		if err := os.Mkdir(filepath.Join(dir, "pgdata-9"), 0o700); err != nil {
			t.Fatal(err)
		}
		c.refuse(t, "exists already")
	})
}
