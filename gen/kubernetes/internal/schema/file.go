package schema

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
)

// A stored file is gzip over lines: the Index, then one line per definition, its name, a tab, its JSON.
// The lines are what makes the first validation cheap: finding one definition takes a scan for newlines,
// and only the few dozen that a Deployment reaches are ever parsed. `zcat FILE | grep Deployment` works too.

// Pack renders a file's lines, always the same bytes for the same definitions.
func Pack(index Index, definitions map[string]*Schema) ([]byte, error) {
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(index); err != nil {
		return nil, fmt.Errorf("encode index: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(definitions)) {
		lines.WriteString(name + "\t")
		if err := enc.Encode(definitions[name]); err != nil {
			return nil, fmt.Errorf("encode %s: %w", name, err)
		}
	}
	return lines.Bytes(), nil
}

// Compress is gzip without a timestamp or a name, so that equal lines make equal files.
func Compress(lines []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(lines); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Decompress undoes Compress.
func Decompress(file []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// Unpack splits a file's lines into the index and the definitions, which stay JSON until they are needed.
func Unpack(lines []byte) (Index, map[string][]byte, error) {
	var index Index
	head, rest, _ := bytes.Cut(lines, []byte("\n"))
	if err := json.Unmarshal(head, &index); err != nil {
		return Index{}, nil, fmt.Errorf("decode index: %w", err)
	}
	definitions := make(map[string][]byte, bytes.Count(rest, []byte("\n")))
	for line := range bytes.Lines(rest) {
		name, text, found := bytes.Cut(line, []byte("\t"))
		if !found {
			return Index{}, nil, fmt.Errorf("line %.40q has no tab", line)
		}
		definitions[string(name)] = text
	}
	return index, definitions, nil
}
