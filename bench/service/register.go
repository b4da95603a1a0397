package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"gitlab.com/towpath/towpath/service/database/pgserver"
)

const (
	// registerConnections are fewer than those of the home routes: with 400 at once a list of
	// 887 rows would wait in queues for longer than wrk is patient, on either side.
	registerConnections = 16
	registerRows        = 887
)

// registerCalls are what is measured, in this order: what is created is in nobody's list.
var registerCalls = []struct {
	name, path string
	creates    bool
}{
	{"list of 887", "/people", false},
	{"get one", "/people/" + someone, false},
	{"create", "/people", true},
}

// someone is the uuid of a row in the middle.
const someone = "00000000-0000-4000-8000-000000000443"

const createScript = `wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"survived":true,"passengerClass":3,"name":"Miss. Ada Ashdown","sex":"female","age":26,' ..
  '"siblingsOrSpousesAboard":0,"parentsOrChildrenAboard":0,"fare":7.925}'
`

// fill puts rows into an empty register. The statement is made of what SQLite and PostgreSQL
// both understand, but for the type of the uuid.
func fill(ctx context.Context, driver, source string, rows int) error {
	db, err := sql.Open(driver, source)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // what it has not written has failed before
	id := "'00000000-0000-4000-8000-' || substr(CAST(1000000000000 + i AS text), 2)"
	if driver == "pgx" {
		id = "CAST(" + id + " AS uuid)"
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf(`
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO people (uuid, survived, passenger_class, name, sex, age,
			siblings_or_spouses_aboard, parents_or_children_aboard, fare)
		SELECT %s, i %% 3 = 0, 1 + i %% 3, 'Miss. Ada Ashdown of cabin ' || i,
			CASE i %% 2 WHEN 0 THEN 'male' ELSE 'female' END, 20.5 + i %% 50, i %% 4, i %% 2, 7.25 + i %% 100 FROM n`, rows, id))
	if err != nil {
		return fmt.Errorf("filling the register: %w", err)
	}
	return nil
}

// migrate makes the tables.
func (b *bench) migrate(ctx context.Context, settings ...string) error {
	cmd := exec.CommandContext(ctx, b.binary("service"), "migrate")
	cmd.Env = environment(settings...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("service migrate: %w\n%s", err, out)
	}
	return nil
}

// source is a filled database: what the service has to be told, and a bare program.
type source struct {
	settings []string
	args     []string
}

func (b *bench) sqliteSource(ctx context.Context, rows int) (source, error) {
	dir, err := os.MkdirTemp(b.temp, "sqlite")
	if err != nil {
		return source{}, err
	}
	s := source{settings: []string{"DATA_DIR=" + dir}}
	if err := b.migrate(ctx, s.settings...); err != nil {
		return s, err
	}
	return s, fill(ctx, "sqlite", filepath.Join(dir, "service.db"), rows)
}

func (b *bench) postgresSource(ctx context.Context, pg *pgserver.Server) (source, error) {
	name, err := pg.Create(ctx)
	if err != nil {
		return source{}, err
	}
	url := pg.URL(name)
	// The service keeps the images of the web app in a folder even so.
	s := source{settings: []string{"DATABASE_URL=" + url, "DATA_DIR=" + filepath.Join(b.temp, "images")}, args: []string{url}}
	if err := b.migrate(ctx, s.settings...); err != nil {
		return s, err
	}
	return s, fill(ctx, "pgx", url, registerRows)
}

// register measures the people register on both databases.
func (b *bench) register(ctx context.Context) error {
	// Nothing waits for the disk: waiting would be the same on both sides and hide what differs.
	pg, err := pgserver.Start(pgserver.Options{})
	if err != nil {
		return err
	}
	defer pg.Close()
	script := filepath.Join(b.temp, "create.lua")
	if err := os.WriteFile(script, []byte(createScript), 0o600); err != nil {
		return err
	}
	for round := range b.rounds {
		for _, dialect := range []string{"SQLite", "PostgreSQL"} {
			b.progress("people, round %d of %d: %s", round+1, b.rounds, dialect)
			for _, side := range []string{"service", "net/http"} {
				if err := b.registerTurn(ctx, pg, dialect, side, script); err != nil {
					return fmt.Errorf("people of %s on %s: %w", side, dialect, err)
				}
			}
		}
	}
	return nil
}

// registerTurn measures one side on a new database.
func (b *bench) registerTurn(ctx context.Context, pg *pgserver.Server, dialect, side, script string) error {
	var from source
	var err error
	if dialect == "SQLite" {
		from, err = b.sqliteSource(ctx, registerRows)
	} else {
		from, err = b.postgresSource(ctx, pg)
	}
	if err != nil {
		return err
	}
	var p *process
	if side == "service" {
		p, err = startService(b.binary("service"), from.settings...)
	} else {
		p, err = b.startBareRegister(from)
	}
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := p.awaitReady(ctx, "/readyz"); err != nil {
		return err
	}
	if err := b.proveRegister(ctx, p); err != nil {
		return err
	}
	for _, call := range registerCalls {
		file := ""
		if call.creates {
			file = script
		}
		if _, err := attack(ctx, p.base+call.path, registerConnections, 1, file); err != nil {
			return err
		}
		l, err := p.underLoad(ctx, call.path, registerConnections, b.seconds, file)
		if err != nil {
			return err
		}
		b.result.add("people", dialect+", "+call.name, side, l)
	}
	return nil
}

func (b *bench) startBareRegister(from source) (*process, error) {
	host, port, err := freeAddress()
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(host, port)
	cmd := exec.Command(b.binary("people"), append([]string{address}, from.args...)...)
	cmd.Env = environment(from.settings...)
	return launch(cmd, "http://"+address, b.temp)
}

// proveRegister makes sure that all sides list the same people on every database.
func (b *bench) proveRegister(ctx context.Context, p *process) error {
	body, err := fetch(ctx, http.DefaultClient, p.base+"/people")
	if err != nil {
		return err
	}
	var list []any
	if err := json.Unmarshal(body, &list); err != nil {
		return err
	}
	if len(list) != registerRows {
		return fmt.Errorf("the list has %d rows, want %d", len(list), registerRows)
	}
	if b.people == nil {
		b.people = list
	}
	if !reflect.DeepEqual(list, b.people) {
		return errors.New("the list differs from that of the side before")
	}
	return nil
}
