package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// nobody is who the databases run as: PostgreSQL refuses to be root.
const nobody = 65534

// password is that of the databases. Nobody reaches them from outside the sandbox.
const password = "e2e"

// databases starts the PostgreSQL and the Redis that prod uses, outside of the cluster as there. Stage brings its own.
func (c *Cluster) databases(ctx context.Context) error {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		return errors.New("PostgreSQL is not there: apt-get install postgresql")
	}
	slices.Sort(found)
	bin := found[len(found)-1]
	data := c.path("postgres")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	if err := os.Chown(data, nobody, nobody); err != nil {
		return err
	}
	initialize := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata="+data, "--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
	initialize.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	initialize.Dir = data
	if output, err := initialize.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	access := fmt.Sprintf("local all all trust\nhost all all %s/32 scram-sha-256\nhost all all %s scram-sha-256\n", nodeAddress, podNetwork)
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(access), 0o644); err != nil {
		return err
	}
	if err := c.startAs("postgres", nobody, filepath.Join(bin, "postgres"), "-D", data, "-k", data, "-c", "listen_addresses="+nodeAddress, "-c", "fsync=off"); err != nil {
		return err
	}
	if err := c.startAs("redis", nobody, "redis-server", "--bind", nodeAddress, "--port", "6379", "--save", "", "--dir", "/", "--requirepass", password); err != nil {
		return err
	}
	if err := waitFor(ctx, "PostgreSQL", time.Minute, func(ctx context.Context) error {
		output, err := exec.CommandContext(ctx, filepath.Join(bin, "psql"), "-h", data, "-U", "postgres", "-v", "ON_ERROR_STOP=1",
			"-c", fmt.Sprintf("CREATE ROLE prod LOGIN PASSWORD '%s'", password), "-c", "CREATE DATABASE prod OWNER prod").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		return nil
	}); err != nil {
		return err
	}
	return waitFor(ctx, "Redis", time.Minute, func(ctx context.Context) error {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", nodeAddress+":6379")
		if err != nil {
			return err
		}
		return connection.Close()
	})
}

// secrets puts what the databases are reached with into the namespaces, which is the platform's to do: no secret is in
// Git. Prod's are addresses, stage's the passwords that its own servers are to have.
func (c *Cluster) secrets(ctx context.Context) error {
	objects := fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata: {name: database, namespace: towpath-prod}
stringData: {url: "postgres://prod:%[1]s@%[2]s:5432/prod?sslmode=disable"}
---
apiVersion: v1
kind: Secret
metadata: {name: redis, namespace: towpath-prod}
stringData: {url: "redis://:%[1]s@%[2]s:6379/1"}
---
apiVersion: v1
kind: Secret
metadata: {name: postgres, namespace: towpath-stage}
stringData: {password: "%[1]s"}
---
apiVersion: v1
kind: Secret
metadata: {name: redis, namespace: towpath-stage}
stringData: {password: "%[1]s"}
`, password, nodeAddress)
	_, err := c.kubectl(ctx, objects, "apply", "-f", "-")
	return err
}
