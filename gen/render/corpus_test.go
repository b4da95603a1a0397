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
	// bug says what gen does wrong. The test then only states that it still does;
	// whoever mends it removes the text, and the example counts.
	bug     string
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
	// .Capabilities.KubeVersion.Version is the same everywhere.
	versionSince319 = "since 3.19 .Capabilities.KubeVersion prints 1.33 as it was given, v1.33, and not as v1.33.0"
)

// What gen does wrong.
const (
	bugDependencies = "chart.Render calls chartutil.ProcessDependencies, where every Helm keeps nulls while it processes dependencies (ProcessDependenciesWithMerge in Helm 3): defaults that a parent chart deletes come back"
	bugValueFiles   = "chart.merge joins value files with CoalesceTables, which drops a null that meets a value of an earlier file; the chart's default comes back, and Helm's own mergeMaps keeps the null"
	bugHooks        = "manifest.Parse keeps objects with a hook that Helm 3 does not know, which Helm leaves out altogether, and compares test hooks in lower case only, which Helm does in any"
	bugPrecision    = "manifest.Parse decodes integers into float64, and prints another number than the template's from 2^53 on"
	bugSeparators   = "manifest.Parse takes '--- {...}', and a '---' before CR LF, for no separator, and then reads the first document only: the others are lost without a word"
	bugNotes        = "chart.Render leaves out files called NOTES.txt, Helm all whose name ends in it"
	bugLists        = "manifest.Parse refuses a v1 List for its lack of a name; Argo CD takes it for its items"
	bugMerges       = "manifest.Parse takes a key beside a YAML merge (<<) that overrides a merged one for a repeated key, and refuses it"
)

func request(values ...string) chart.Release {
	r := chart.Release{
		Name: "boat", Namespace: "harbour", KubernetesVersion: "1.33",
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
		chart: "nulls", request: request(), bug: bugDependencies,
		differs: []difference{{nullInHelm4, toolcache.Helm4, []string{
			"v1/ConfigMap/-/child: data.gone", "v1/ConfigMap/-/child: data.table",
			"v1/ConfigMap/-/parent: data.own", "v1/ConfigMap/-/parent: data.table",
		}}},
	},
	{
		chart: "nulls", request: request("kept: null\nchild: {stays: null, table: {stays: null}}\n"), bug: bugDependencies,
		differs: []difference{
			{nullBefore318, toolcache.Helm316, []string{"v1/ConfigMap/-/child: data.stays", "v1/ConfigMap/-/child: data.table"}},
			{nullInHelm4, toolcache.Helm4, []string{"v1/ConfigMap/-/parent: data.own", "v1/ConfigMap/-/parent: data.table"}},
		},
	},
	{
		chart: "imports", request: request(), bug: bugDependencies,
		differs: []difference{{nullInHelm4, toolcache.Helm4, []string{"v1/ConfigMap/-/parent: data.settings"}}},
	},
	{
		chart: "imports", request: request("settings: {other: given}\n"), bug: bugDependencies,
		differs: []difference{{nullInHelm4, toolcache.Helm4, []string{"v1/ConfigMap/-/parent: data.settings"}}},
	},
	{chart: "layered", request: request("kept: 2\ntable: {a: 2, b: 3}\n", "kept: null\ntable: {a: null}\n"), bug: bugValueFiles},
	{chart: "layered", request: request("kept: null\ntable: {a: null}\n", "kept: 2\ntable: {a: 2, c: 4}\n")},
	{chart: "layered", request: request("table: text\n", "table: {b: 2}\n")},
	{chart: "crds", request: request()},
	{chart: "crds", request: request("child: {enabled: false}\n")},
	{chart: "hooks", request: request()},
	{chart: "unknownhooks", request: request(), bug: bugHooks},
	{chart: "files", request: request()},
	{
		chart: "functions", request: request(),
		differs: []difference{
			{versionSince319, toolcache.Helm319, []string{"v1/ConfigMap/harbour/boat: data.kube"}},
			{versionSince319, toolcache.Helm4, []string{"v1/ConfigMap/harbour/boat: data.kube"}},
		},
	},
	{
		chart: "functions", request: request("name: ship\ntable: {z: 2, b: {c: 1}}\ndeep: {m: {n: 1}}\n"),
		differs: []difference{
			{versionSince319, toolcache.Helm319, []string{"v1/ConfigMap/harbour/boat: data.kube"}},
			{versionSince319, toolcache.Helm4, []string{"v1/ConfigMap/harbour/boat: data.kube"}},
		},
	},
	{chart: "numbers", request: request()},
	{chart: "numbers", request: request("given: 1000000\nlarge: 1234567890\nratio: 0.25\n")},
	{chart: "literals", request: request()},
	{chart: "merges", request: request(), bug: bugMerges},
	{chart: "precision", request: request(), bug: bugPrecision},
	{chart: "layout", request: request()},
	{chart: "layout", request: request("third: true\nsecond: false\n")},
	{chart: "separators", request: request(), bug: bugSeparators},
	{chart: "notes", request: request(), bug: bugNotes},
	{chart: "lists", request: request(), bug: bugLists},
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
		{chart: "crds", bug: bugSeparators},
		{chart: "hooks", bug: bugSeparators},
		{chart: "layout", bug: bugSeparators},
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
	if e.bug != "" {
		e.testBug(t, dir, c)
		return
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

// testBug states that gen differs from the very Helm that it links.
func (e example) testBug(t *testing.T, dir string, c *chart.Chart) {
	want := templated(t, toolcache.Helm318, filepath.Join(dir, c.Path()), e.request)
	if _, err := parsed(c, e.request); err != nil {
		t.Logf("known bug: %s: %v", e.bug, err)
		return
	}
	lines := objects.Differences(rendered(t, c, e.request), want)
	if len(lines) == 0 {
		t.Errorf("mended, so remove the text from the example: %s", e.bug)
	}
	t.Logf("known bug: %s:\n%s", e.bug, strings.Join(lines, "\n"))
}
