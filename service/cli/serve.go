package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/service/build"
	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/logging"
	"gitlab.com/towpath/towpath/service/server"
	"gitlab.com/towpath/towpath/service/tracing"
)

type serveOptions struct {
	config  config.Config
	signals <-chan os.Signal
	stdout  io.Writer
	log     *slog.Logger
}

func newServe() *cobra.Command {
	return &cobra.Command{
		Use:   "service",
		Short: "Serve the workloads",
		Long: `Serve the workloads until SIGTERM, then finish the requests in flight and exit 0.

SIGTERM first fails /readyz and goes on serving for DRAIN_DELAY; SIGINT, Ctrl-C at a
terminal, skips that delay. A second signal ends the process at once.

Logs go to stderr.

Exit codes: 0 stopped as asked, 1 failed or had to cut off requests, 2 wrong usage or
configuration, 128 plus the signal's number when ended by a second signal.`,
		Example: `  service                                     # http://localhost:8080, metrics on 9090
  PORT=3000 LOG_FORMAT=text service           # another port, logs for people
  FIBONACCI_ENABLED=false service             # without one of the workloads
  TRUSTED_PROXIES=10.0.0.0/8 service          # behind a proxy that sets X-Forwarded-For`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(os.LookupEnv)
			if err != nil {
				return err
			}
			signals := make(chan os.Signal, 2)
			signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
			logs := logging.NewBuffer(cmd.ErrOrStderr())
			defer func() { _ = logs.Close() }()
			return serve(serveOptions{
				config:  cfg,
				signals: signals,
				stdout:  cmd.OutOrStdout(),
				log:     logging.New(logs, cfg.LogFormat, cfg.LogLevel),
			})
		},
	}
}

func serve(o serveOptions) error {
	db, ended, err := o.awaitDatabase()
	if err != nil || ended {
		return err
	}
	if db != nil {
		defer db.Close()
	}
	if err := preparePortal(o.config, db, o.log); err != nil {
		return err
	}
	all := workloads(o.config, db, o.log)
	if db != nil {
		all = append(all, db.Workload())
	}
	s, err := server.New(o.config, o.log, build.Current(), all...)
	if err != nil {
		return err
	}
	tracer, err := tracing.New(o.config.Tracing, build.Current(), o.log)
	if err != nil {
		return err
	}
	defer func() {
		if err := tracer.Stop(); err != nil {
			o.log.Warn("traces", "error", err)
		}
	}()
	s.Trace(tracer)
	if delay := o.config.StartupDelay; delay > 0 {
		fmt.Fprintln(o.stdout, "> booting")
		select {
		case <-time.After(delay):
		case <-o.signals:
			return nil // nothing has been served, so there is nothing to finish
		}
	}
	if err := s.Start(); err != nil {
		return err
	}
	if o.config.StartupDelay > 0 {
		fmt.Fprintln(o.stdout, "> booted")
	}

	var delay time.Duration
	select {
	case err := <-s.Failed():
		return fmt.Errorf("serve: %w", err)
	case first := <-o.signals:
		if first == syscall.SIGTERM {
			delay = o.config.DrainDelay
		}
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(delay) }()
	select {
	case err := <-stopped:
		return err
	case second := <-o.signals:
		o.log.Warn("ending at once", "signal", second.String())
		number := syscall.SIGTERM
		if n, ok := second.(syscall.Signal); ok {
			number = n
		}
		return signalError{int(number)}
	}
}
