// Tools installs the programs that measurements and tests hold gen against, and
// says of each where it is. What is installed already stays.
//
//	go run ./bench/tools
//
// The folder is that which TOWPATH_TOOLS names, or towpath/tools in the user's
// cache folder. Building all of them for the first time takes some minutes and
// needs a Go module proxy; the tests that use them then run offline. What runs on
// Node.js comes with npm, and is left out where that is missing.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"gitlab.com/towpath/towpath/bench/toolcache"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := install(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tools:", err)
		os.Exit(1)
	}
}

// program is a tool of either kind.
type program interface {
	fmt.Stringer
	Find() (string, error)
	Install(ctx context.Context) (string, error)
}

func install(ctx context.Context) error {
	var programs []program
	for _, tool := range toolcache.All() {
		programs = append(programs, tool)
	}
	programs = append(programs, toolcache.GitLabCILocal)
	for _, tool := range programs {
		if file, err := tool.Find(); err == nil {
			fmt.Printf("%-12s  present    %s\n", tool, file)
			continue
		}
		fmt.Printf("%-12s  building", tool)
		start := time.Now()
		file, err := tool.Install(ctx)
		if errors.Is(err, toolcache.ErrNoNode) {
			fmt.Printf("   left out: %v\n", toolcache.ErrNoNode)
			continue
		}
		if err != nil {
			fmt.Println()
			return err
		}
		fmt.Printf("   %s  in %s\n", file, time.Since(start).Round(time.Second))
	}
	return nil
}
