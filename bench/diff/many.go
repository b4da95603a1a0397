package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/bench/figures"
	"gitlab.com/towpath/towpath/bench/program"
	"gitlab.com/towpath/towpath/gen/diff"
)

// mostMany is the goal for many releases that all change, wall time.
const mostMany = 2 * time.Second

// releasesPerEnvironment is how the releases are spread over environments.
const releasesPerEnvironment = 10

// prepareMany is a clone with many releases of the chart service in place of the
// repository's own environments, and two commits: each release gets another image,
// one replica more and another level of logging.
func prepareMany(ctx context.Context, root, temp string, releases int) (repository, error) {
	repo := repository{dir: filepath.Join(temp, "many")}
	if out, err := exec.CommandContext(ctx, "git", "clone", "--quiet", root, repo.dir).CombinedOutput(); err != nil {
		return repo, fmt.Errorf("cloning the repository: %w\n%s", err, out)
	}
	for _, name := range []string{"dev", "stage", "prod"} {
		if err := os.RemoveAll(filepath.Join(repo.dir, "envs", name)); err != nil {
			return repo, err
		}
	}
	commit := func(tag, level string, replicas int) (string, error) {
		for start := 0; start < releases; start += releasesPerEnvironment {
			name := fmt.Sprintf("env-%02d", start/releasesPerEnvironment)
			dir := filepath.Join(repo.dir, "envs", name)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return "", err
			}
			text := manySource(name, start, min(releases-start, releasesPerEnvironment), tag, level, replicas)
			if err := os.WriteFile(filepath.Join(dir, "env.cue"), []byte(text), 0o644); err != nil {
				return "", err
			}
		}
		if _, err := repo.git(ctx, "add", "--all", "envs"); err != nil {
			return "", err
		}
		if _, err := repo.git(ctx, "commit", "--quiet", "--message", tag); err != nil {
			return "", err
		}
		return repo.git(ctx, "rev-parse", "HEAD")
	}
	var err error
	if repo.from, err = commit("0.1.0", "info", 2); err != nil {
		return repo, err
	}
	repo.to, err = commit("0.2.0", "warn", 3)
	return repo, err
}

// manySource is an environment in CUE.
func manySource(name string, first, releases int, tag, level string, replicas int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "package %s\n\nimport \"gitlab.com/towpath/towpath/envs/contract\"\n\n", strings.ReplaceAll(name, "-", "_"))
	fmt.Fprintf(&text, "contract.#Environment & {\n\tname: %q\n\ttier: \"staging\"\n\tdatabase: \"external\"\n\tredis: \"external\"\n", name)
	for i := range releases {
		fmt.Fprintf(&text, `	releases: "service-%03d": {
		chart: "service"
		values: {
			replicas: %d
			image: tag: %q
			config: logLevel: %q
			ingress: {
				enabled: true
				hosts: ["service-%03d.towpath.example"]
				tls: enabled: true
			}
			networkPolicy: egress: {
				database: networks: ["10.10.0.0/24"]
				redis: networks: ["10.10.1.0/24"]
			}
			storage: {
				className:  "shared"
				accessMode: "ReadWriteMany"
			}
			monitoring: serviceMonitor: enabled: true
		}
	}
`, first+i, replicas, tag, level, first+i)
	}
	text.WriteString("}\n")
	return text.String()
}

// many is what it costs to compare many releases, by format.
type many struct {
	Releases, Changed, Objects int
	Used                       map[string][]program.Usage
}

// manyFormats are the formats that are measured; html stands for those that ask the
// policy too.
var manyFormats = []string{"text", "html"}

func measureMany(ctx context.Context, bin program.Set, repo repository, releases, runs int) (many, error) {
	m := many{Releases: releases, Used: map[string][]program.Usage{}}
	s := &sides{bin: bin, repo: repo}
	var r diff.Report
	if err := s.report(ctx, &r); err != nil {
		return m, err
	}
	for _, env := range r.Environments {
		for _, release := range env.Releases {
			moves := false
			for _, o := range release.Objects {
				m.Objects++
				if o.Change != diff.Unchanged {
					m.Changed++
					moves = true
				}
			}
			if !moves {
				return m, fmt.Errorf("release %s does not change", release.Name)
			}
		}
	}
	for range runs {
		for _, format := range manyFormats {
			used, err := s.gen(ctx, io.Discard, "-o", format)
			if err != nil {
				return m, err
			}
			m.Used[format] = append(m.Used[format], used)
		}
	}
	return m, nil
}

func (m many) wall(format string) []time.Duration {
	return figures.Column(m.Used[format], func(u program.Usage) time.Duration { return u.Wall })
}

func (m many) met() bool { return figures.Summarise(m.wall("text")).Median <= mostMany }

// Markdown returns the table of the measurement.
func (m many) Markdown() string {
	milliseconds := func(d time.Duration) string { return fmt.Sprintf("%.0f ms", float64(d)/1e6) }
	table := [][]string{{"gen diff, median (min to max)", "wall time", "CPU time", fmt.Sprintf("goal: %s of wall time", mostMany)}}
	for _, format := range manyFormats {
		verdict := ""
		if format == "text" {
			verdict = figures.Verdict(m.met())
		}
		cpu := figures.Column(m.Used[format], func(u program.Usage) time.Duration { return u.CPU })
		table = append(table, []string{"-o " + format, figures.Summarise(m.wall(format)).Cell(milliseconds), figures.Summarise(cpu).Cell(milliseconds), verdict})
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Releases of the chart service that change: %d in %d environments, objects that change: %d of %d, runs: %d.\n\n",
		m.Releases, (m.Releases+releasesPerEnvironment-1)/releasesPerEnvironment, m.Changed, m.Objects, len(m.Used["text"]))
	figures.Table(&text, table)
	return text.String()
}
