package cli

import (
	"testing"

	"github.com/distribution/reference"
)

// FuzzParseImage holds what is taken for an image's parts against the parser that
// registries use: a reference that both take has the same parts for both.
func FuzzParseImage(f *testing.F) {
	const digest = "@sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
	for _, seed := range []string{
		"registry.example/team/service:0.2.0" + digest, "localhost:5000/a:1", "localhost:5000/a" + digest, "a:1", "a", ":1", "a:", "a@b:1", "A:1",
		"a/b:c/d:e", "registry.example:443/a__b/c.d-e:V1.0_x-y" + digest, "a:1@sha256:00", "https://a/b:1", "a b:1", "[::1]:5000/a:1", "a:1@@sha256:0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseImage(text)
		if err != nil {
			return
		}
		if got.String() != text {
			t.Errorf("%q is read as %q", text, got)
		}
		ref, err := reference.Parse(text)
		if err != nil {
			return // The contract has patterns for the parts.
		}
		named, tagged, digested := "", "", ""
		if r, ok := ref.(reference.Named); ok {
			named = r.Name()
		}
		if r, ok := ref.(reference.Tagged); ok {
			tagged = r.Tag()
		}
		if r, ok := ref.(reference.Digested); ok {
			digested = r.Digest().String()
		}
		if want := (image{named, tagged, digested}); got != want {
			t.Errorf("%q has the parts %+v, not %+v", text, got, want)
		}
	})
}
