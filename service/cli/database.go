package cli

import (
	"context"
	"log/slog"

	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/database"
)

// needsDatabase tells whether a workload that is on keeps data.
func needsDatabase(cfg config.Config) bool {
	return cfg.PeopleEnabled || cfg.PortalEnabled
}

// openDatabase opens the configured database as soon as it answers.
func openDatabase(ctx context.Context, cfg config.Config, log *slog.Logger) (*database.DB, error) {
	return database.Open(ctx, database.Config{
		URL:      cfg.DatabaseURL,
		DataDir:  cfg.DataDir,
		MaxConns: cfg.DatabaseMaxConns,
		Wait:     cfg.DatabaseWait,
		Log:      log,
	})
}

// prepareDatabase opens the database to serve from, and brings it up to date if it is SQLite.
func prepareDatabase(ctx context.Context, cfg config.Config, log *slog.Logger) (*database.DB, error) {
	db, err := openDatabase(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	if err := db.Prepare(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// awaitDatabase is prepareDatabase, given up on a signal; then there is neither a database nor
// an error. Nor is there a database when no workload needs one.
func (o serveOptions) awaitDatabase() (db *database.DB, ended bool, err error) {
	if !needsDatabase(o.config) {
		return nil, false, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		db, err = prepareDatabase(ctx, o.config, o.log)
	}()
	select {
	case <-done:
		return db, false, err
	case <-o.signals:
		cancel()
		<-done
		if err == nil {
			db.Close()
		}
		return nil, true, nil
	}
}
