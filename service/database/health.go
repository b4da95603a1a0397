package database

import (
	"context"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"gitlab.com/towpath/towpath/service/workload"
)

// Workload is what the server needs to know of the database: conditions of readiness and
// metrics of the pools, and no routes.
func (db *DB) Workload() workload.Workload {
	return workload.Workload{
		Name: "database",
		Checks: []workload.Check{
			{Name: "database", Run: func(ctx context.Context) error { return db.redact(db.probe.PingContext(ctx)) }},
			{Name: "migrations", Run: db.checkMigrations},
		},
		Metrics: db.metrics(),
	}
}

func (db *DB) checkMigrations(ctx context.Context) error {
	status, err := db.Status(ctx)
	if err != nil {
		return err
	}
	if status.Behind() {
		return fmt.Errorf("the database is at migration %d, this build wants %d; run `service migrate` (pending: %s)",
			status.Current, status.Want, strings.Join(status.Pending, ", "))
	}
	return nil
}

func (db *DB) metrics() []prometheus.Collector {
	if db.reader == db.writer {
		return []prometheus.Collector{collectors.NewDBStatsCollector(db.writer, string(db.dialect))}
	}
	return []prometheus.Collector{
		collectors.NewDBStatsCollector(db.reader, string(db.dialect)+"_reader"),
		collectors.NewDBStatsCollector(db.writer, string(db.dialect)+"_writer"),
	}
}
