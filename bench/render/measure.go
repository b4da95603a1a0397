package main

import (
	"context"
	"fmt"
	"os"

	"gitlab.com/towpath/towpath/bench/program"
)

// warmUp is the number of turns that are not counted.
const warmUp = 3

// turn is what each side used in one turn.
type turn struct {
	Gen      program.Usage `json:"gen"`
	Pipeline program.Usage `json:"pipeline"`
	Version  program.Usage `json:"version"`
}

// measure runs the sides in turn.
func measure(ctx context.Context, s sides, runs int) ([]turn, error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = null.Close() }()
	var turns []turn
	for i := range warmUp + runs {
		var t turn
		for _, part := range []struct {
			side side
			used *program.Usage
		}{{s.Gen, &t.Gen}, {s.Pipeline, &t.Pipeline}, {s.Version, &t.Version}} {
			*part.used, err = part.side.run(ctx, null)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", part.side.Name, err)
			}
		}
		if i >= warmUp {
			turns = append(turns, t)
		}
	}
	return turns, nil
}
