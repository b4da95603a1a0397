package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"gitlab.com/towpath/towpath/gen/diff"
)

// reportFiles are what --reports writes, by format.
var reportFiles = []struct{ format, name string }{
	{"markdown", "diff.md"},
	{"html", "diff.html"},
	{"json", "diff.json"},
}

// writeReports writes a report in every format into the folder of --reports, so that
// a job renders once for all that it leaves.
func (a *app) writeReports(o diffOptions, r *diff.Report) error {
	if o.reports == "" {
		return nil
	}
	dir := o.reports
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(a.Dir, dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("--reports: %w", err)
	}
	stdout := a.Out
	defer func() { a.Out = stdout }()
	for _, file := range reportFiles {
		var b bytes.Buffer
		a.Out = &b
		o.format = file.format
		if err := a.writeReport(o, r); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file.name), b.Bytes(), 0o644); err != nil {
			return fmt.Errorf("--reports: %w", err)
		}
	}
	return nil
}
