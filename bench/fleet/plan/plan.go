// Package plan is what the measurements of a fleet hand to the programs that know
// nothing of environments: the releases, with their values as plain data.
package plan

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Release is a release with all that Helm has to be told about it.
type Release struct {
	Environment       string `json:"environment"`
	Team              string `json:"team"`
	Name              string `json:"name"`
	Chart             string `json:"chart"`
	Namespace         string `json:"namespace"`
	KubernetesVersion string `json:"kubernetesVersion"`
	// Values are as encoding/json reads them: numbers are float64, as they are to Helm.
	Values map[string]any `json:"values"`
}

// Write writes a plan, a release a line.
func Write(file string, releases []Release) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	for _, r := range releases {
		err = errors.Join(err, encoder.Encode(r))
	}
	return errors.Join(err, buffered.Flush(), out.Close())
}

// Read reads a plan.
func Read(file string) ([]Release, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // Only read.
	var releases []Release
	decoder := json.NewDecoder(bufio.NewReader(in))
	for {
		var r Release
		err := decoder.Decode(&r)
		if errors.Is(err, io.EOF) {
			return releases, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		releases = append(releases, r)
	}
}

// Used is what a program says that the part of it used which is measured.
type Used struct {
	Wall time.Duration `json:"wallNanoseconds"`
	// CPU is 0 where the system does not tell.
	CPU time.Duration `json:"cpuNanoseconds"`
}
