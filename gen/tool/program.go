package tool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Program is another gen, to be run beside this one.
type Program struct {
	// Path is the file.
	Path string
}

// Versions returns the versions that the program was built with.
func (p Program) Versions(ctx context.Context) (List, error) {
	out, err := p.run(ctx, "", "version", "-o", "json")
	if err != nil {
		return nil, err
	}
	var info struct {
		Output    string
		Libraries map[string]string
	}
	if err := json.Unmarshal(out, &info); err != nil {
		return nil, fmt.Errorf("%s is no gen: its version is not JSON", p.Path)
	}
	return NewList(info.Output, info.Libraries), nil
}

// Render writes the objects of environments of the repository in a folder: those of
// each release to OUT/ENVIRONMENT/RELEASE.yaml.
func (p Program) Render(ctx context.Context, repository, out string, environments []string) error {
	_, err := p.run(ctx, repository, append([]string{"render", "--manifests", "--output-dir", out}, environments...)...)
	return err
}

func (p Program) run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, p.Path, args...)
	cmd.Dir = dir
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && messages.Len() > 0 {
		return nil, fmt.Errorf("gen %s: %w\n%s", args[0], err, strings.TrimSpace(messages.String()))
	}
	if err != nil {
		return nil, fmt.Errorf("running %s: %w", p.Path, err)
	}
	return out.Bytes(), nil
}
