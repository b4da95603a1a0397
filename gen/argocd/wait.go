package argocd

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"
)

// Wait looks at an Application every now and then, [Client.Every], until it is as
// wanted, and returns it. Before each look Argo CD compares it with Git. report is
// told of the first state and of each that differs from the one before.
//
// An Application that is not there yet, and an Argo CD that is out of reach for a
// while, are waited for too. Wait gives up when ctx ends, and on [ErrUnauthorized]:
// it returns then what it saw last, and why it saw no more.
func (c *Client) Wait(ctx context.Context, namespace, name string, until func(Application) bool, report func(Application)) (Application, error) {
	var last Application
	var missing error
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	for {
		app, err := c.refreshed(ctx, namespace, name)
		switch {
		case ctx.Err() != nil:
			return last, ended(ctx, missing)
		case errors.Is(err, ErrUnauthorized):
			return last, err
		case err != nil:
			missing = err
		default:
			missing = nil
			if !sameState(app, last) {
				report(app)
			}
			last = app
			if until(app) {
				return app, nil
			}
		}
		select {
		case <-ctx.Done():
			return last, ended(ctx, missing)
		case <-tick.C:
		}
	}
}

// refreshed returns an Application as it is when Argo CD has compared it with Git.
// Argo CD answers when it has, and with many Applications that takes long; how it
// is without that is better than nothing.
func (c *Client) refreshed(ctx context.Context, namespace, name string) (Application, error) {
	app, err := c.get(ctx, namespace, name, true)
	if ctx.Err() == nil && errors.Is(err, ErrUnreachable) {
		return c.get(ctx, namespace, name, false)
	}
	return app, err
}

// ended returns the error for a wait that had no time left.
func ended(ctx context.Context, missing error) error {
	if missing != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), missing)
	}
	return ctx.Err()
}

// sameState reports whether nothing but the time differs.
func sameState(a, b Application) bool {
	a.ReconciledAt, b.ReconciledAt = time.Time{}, time.Time{}
	return reflect.DeepEqual(a, b)
}
