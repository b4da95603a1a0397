package render_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	helmchart "helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"

	"gitlab.com/towpath/towpath/bench/objects"
	"gitlab.com/towpath/towpath/bench/toolcache"
	"gitlab.com/towpath/towpath/gen/chart"
)

// example is a chart below testdata/charts with what it is rendered for.
type example struct {
	chart   string
	request chart.Release
	differs []difference
}

// difference is where versions of Helm are known not to agree with gen, that is,
// with the version that it links. The test fails too if they do agree, so that no
// entry outlives its reason.
type difference struct {
	because string
	helm    toolcache.Tool
	// paths are KEY: PATH, as objects.Differences begins its lines.
	paths []string
}

const (
	// Helm 3.18 began to merge, not coalesce, where a key names a dependency.
	nullBefore318 = "before 3.18 a null in a value file could not delete the default of a dependency"
	// Helm 4 cleans the defaults of a chart of nulls before it uses them.
	nullInHelm4 = "for Helm 4 a null among a chart's own defaults is as if it were not there"
)

func request(values ...string) chart.Release {
	r := chart.Release{
		Name: "boat", Namespace: "harbour", KubernetesVersion: "1.33.0",
		APIVersions: []string{"monitoring.coreos.com/v1", "monitoring.coreos.com/v1/ServiceMonitor"},
	}
	for _, text := range values {
		r.Values = append(r.Values, []byte(text))
	}
	return r
}

var corpus = []example{
	{chart: "dependencies", request: request()},
	{chart: "dependencies", request: request("worker: {enabled: false}\nreporter: {enabled: true, size: 7}\ntags: {extras: false}\nglobal: {region: us}\n")},
	{
		chart:   "dependencies",
		request: request("mailer: {enabled: null}\nglobal: {mailer: false}\n", "worker: {nested: {more: null, own: given}}\n"),
		differs: []difference{{nullBefore318, toolcache.Helm316, []string{
			"apps/v1/Deployment/-/boat-worker: spec.template.spec.containers[0].args[0]",
			"v1/ConfigMap/harbour/boat-dependencies: data.worker",
		}}},
	},
	{
		chart: "nulls", request: request(),
		differs: []difference{{nullInHelm4, toolcache.Helm4, []string{
			"v1/ConfigMap/-/child: data.gone", "v1/ConfigMap/-/child: data.table",
			"v1/ConfigMap/-/parent: data.own", "v1/ConfigMap/-/parent: data.table",
		}}},
	},
	{
		chart: "nulls", request: request("kept: null\nchild: {stays: null, table: {stays: null}}\n"),
		differs: []difference{
			{nullBefore318, toolcache.Helm316, []string{"v1/ConfigMap/-/child: data.stays", "v1/ConfigMap/-/child: data.table"}},
			{nullInHelm4, toolcache.Helm4, []string{"v1/ConfigMap/-/parent: data.own", "v1/ConfigMap/-/parent: data.table"}},
		},
	},
	{
		chart: "imports", request: request(),
		differs: []difference{{nullInHelm4, toolcache.Helm4, []string{"v1/ConfigMap/-/parent: data.settings"}}},
	},
	{
		chart: "imports", request: request("settings: {other: given}\n"),
		differs: []difference{{nullInHelm4, toolcache.Helm4, []string{"v1/ConfigMap/-/parent: data.settings"}}},
	},
	{chart: "layered", request: request("kept: 2\ntable: {a: 2, b: 3}\n", "kept: null\ntable: {a: null}\n")},
	{chart: "layered", request: request("kept: null\ntable: {a: null}\n", "kept: 2\ntable: {a: 2, c: 4}\n")},
	{chart: "layered", request: request("table: text\n", "table: {b: 2}\n")},
	{chart: "crds", request: request()},
	{chart: "crds", request: request("child: {enabled: false}\n")},
	{chart: "hooks", request: request()},
	{chart: "unknownhooks", request: request()},
	{chart: "files", request: request()},
	{
		chart: "functions", request: request(),
	},
	{
		chart: "functions", request: request("name: ship\ntable: {z: 2, b: {c: 1}}\ndeep: {m: {n: 1}}\n"),
	},
	{chart: "numbers", request: request()},
	{chart: "numbers", request: request("given: 1000000\nlarge: 1234567890\nratio: 0.25\n")},
	{chart: "literals", request: request()},
	{chart: "merges", request: request()},
	{chart: "precision", request: request()},
	{chart: "layout", request: request()},
	{chart: "layout", request: request("third: true\nsecond: false\n")},
	{chart: "separators", request: request()},
	{chart: "notes", request: request()},
	{chart: "lists", request: request()},
}

// TestCorpusAsHelm holds gen against helm template on charts that use what the
// repository's own charts don't, or not yet.
func TestCorpusAsHelm(t *testing.T) {
	covered := map[string]bool{}
	for _, e := range corpus {
		covered[e.chart] = true
		t.Run(e.chart, func(t *testing.T) { e.test(t, "testdata") })
	}
	entries, err := os.ReadDir("testdata/charts")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !covered[entry.Name()] {
			t.Errorf("nothing renders testdata/charts/%s", entry.Name())
		}
	}
}

// TestWindowsLinesAsHelm renders charts whose lines end as Windows ends them.
func TestWindowsLinesAsHelm(t *testing.T) {
	dir := t.TempDir()
	copyCharts(t, dir, "testdata", func(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")) })
	for _, e := range []example{
		{chart: "dependencies"},
		{chart: "crds"},
		{chart: "hooks"},
		{chart: "layout"},
	} {
		e.request = request()
		t.Run(e.chart, func(t *testing.T) { e.test(t, dir) })
	}
}

// TestArchivesAsHelm renders a chart whose dependencies lie there as helm
// dependency update leaves them: packed.
func TestArchivesAsHelm(t *testing.T) {
	dir := t.TempDir()
	copyCharts(t, dir, "testdata", func(data []byte) []byte { return data })
	vendored := filepath.Join(dir, "charts", "dependencies", "charts")
	entries, err := os.ReadDir(vendored)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		folder := filepath.Join(vendored, entry.Name())
		c, err := helmchart.LoadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := chartutil.Save(c, vendored); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
	}
	example{chart: "dependencies", request: request()}.test(t, dir)
}

// test renders the example's chart below a folder with gen and with every Helm.
func (e example) test(t *testing.T, dir string) {
	c, err := chart.Load(os.DirFS(dir), e.chart)
	if err != nil {
		t.Fatal(err)
	}
	got := rendered(t, c, e.request)
	for _, helm := range helms {
		t.Run(helm.Version, func(t *testing.T) {
			t.Parallel()
			lines := objects.Differences(got, templated(t, helm, filepath.Join(dir, c.Path()), e.request))
			for _, known := range e.differs {
				if known.helm != helm {
					continue
				}
				for _, path := range known.paths {
					about := func(line string) bool { return strings.HasPrefix(line, path+" is ") }
					if !slices.ContainsFunc(lines, about) {
						t.Errorf("no difference any more, although %s: %s", known.because, path)
					}
					lines = slices.DeleteFunc(lines, about)
				}
			}
			report(t, lines)
		})
	}
}
