// Floor renders a fleet with nothing but Helm's own engine: the least that a Go
// program can do which renders with Helm.
//
//	floor -plan plan.json -charts DIR [-jobs N] [-dir DIR]
//
// Before the clock starts it loads each chart once, as Helm does, and reads the
// values of all releases into memory. What is measured is a bare loop: for each
// release the values are joined with the chart's defaults, the templates are
// rendered, and their text is written to stdout, or to DIR/ENV/RELEASE.yaml.
// Nothing is evaluated, checked, parsed or sorted by kind, and values are not held
// against the chart's schema.
//
// What the loop used goes to stderr as JSON.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	helm "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"

	"gitlab.com/towpath/towpath/bench/fleet/plan"
)

func main() {
	file := flag.String("plan", "plan.json", "file with the releases and their values")
	charts := flag.String("charts", "charts", "folder of the charts")
	jobs := flag.Int("jobs", 1, "releases rendered at a time")
	dir := flag.String("dir", "", "write a file per release below this folder, and nothing to stdout")
	flag.Parse()
	if err := run(*file, *charts, *jobs, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(file, charts string, jobs int, dir string) error {
	releases, err := plan.Read(file)
	if err != nil {
		return err
	}
	loaded := map[string]*helm.Chart{}
	for _, r := range releases {
		if loaded[r.Chart] == nil {
			if loaded[r.Chart], err = loader.LoadDir(filepath.Join(charts, r.Chart)); err != nil {
				return err
			}
		}
	}
	stdout := bufio.NewWriterSize(os.Stdout, 1<<20)
	var mutex sync.Mutex

	start, cpu := time.Now(), plan.CPU()
	var group errgroup.Group
	group.SetLimit(jobs)
	for _, r := range releases {
		group.Go(func() error {
			text, err := render(loaded[r.Chart], r)
			if err != nil {
				return fmt.Errorf("%s/%s: %w", r.Environment, r.Name, err)
			}
			if dir != "" {
				return writeFile(filepath.Join(dir, r.Environment, r.Name+".yaml"), text)
			}
			mutex.Lock()
			defer mutex.Unlock()
			_, err = io.WriteString(stdout, text)
			return err
		})
	}
	if err := errors.Join(group.Wait(), stdout.Flush()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stderr).Encode(plan.Used{Wall: time.Since(start), CPU: plan.CPU() - cpu})
}

// render returns the manifests of a release, as helm template prints them.
func render(chrt *helm.Chart, r plan.Release) (string, error) {
	version, err := chartutil.ParseKubeVersion(r.KubernetesVersion)
	if err != nil {
		return "", err
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *version
	top, err := chartutil.ToRenderValuesWithSchemaValidation(chrt, r.Values, chartutil.ReleaseOptions{
		Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: true,
	}, capabilities, true)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(chrt, top)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		// The notes, and the test hooks, which helm leaves out with --skip-tests.
		if strings.HasSuffix(name, "NOTES.txt") || strings.Contains(name, "/templates/tests/") || strings.TrimSpace(files[name]) == "" {
			continue
		}
		text.WriteString("---\n# Source: " + name + "\n" + files[name] + "\n")
	}
	return text.String(), nil
}

func writeFile(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(text), 0o644)
}
