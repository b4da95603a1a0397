package fleet

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/environment"
)

var (
	web   = environment.Folder{Environment: "prod", Team: "web"}
	texts = []Text{
		{"prod", "web", "portal", bytes.Repeat([]byte("kind: Deployment\n"), 100)},
		{"prod", "web", "empty", []byte{}},
		{"prod", "web", "queue", []byte("kind: StatefulSet\n")},
	}
	origins = []string{"a1", "b2", "c3"}
)

func TestPack(t *testing.T) {
	data := pack(texts, origins).bytes()
	if len(data) > len(texts[0].Text)/2 {
		t.Errorf("it is not compressed: %d bytes", len(data))
	}
	p, err := parsePacked(data)
	if err != nil {
		t.Fatal(err)
	}
	var room []byte
	for range 2 { // In the room of the time before.
		var got []Text
		if got, room, err = p.unpack(web, room); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(texts, got); diff != "" {
			t.Errorf("unpacked (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(origins, p.origins); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
	if got, _, err := pack(nil, nil).unpack(web, nil); err != nil || len(got) != 0 {
		t.Errorf("nothing becomes %v, %v", got, err)
	}
}

func TestParsePackedBroken(t *testing.T) {
	whole := string(pack(texts, origins).bytes())
	for name, data := range map[string]string{
		"nothing":             "",
		"without a body":      "3 a1 portal\n",
		"another size":        "9" + whole,
		"a size below 0":      "-" + whole,
		"no size":             "portal\n" + whole,
		"a line too short":    "18 queue\n\n" + whole,
		"a line too long":     "18 c3 queue more\n\n" + whole,
		"no line is complete": "18",
	} {
		if p, err := parsePacked([]byte(data)); err == nil {
			t.Errorf("%s: it has %v", name, p.releases)
		}
	}
	// A body that says how much it is and then ends.
	p, err := parsePacked([]byte(whole[:len(whole)-1]))
	if err == nil {
		_, _, err = p.unpack(web, nil)
	}
	if err == nil {
		t.Error("a body that was cut is unpacked")
	}
}

func FuzzParsePacked(f *testing.F) {
	f.Add(pack(texts, origins).bytes())
	f.Add(pack(nil, nil).bytes())
	f.Add([]byte("18 c3 queue\nkind: StatefulSet\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePacked(data)
		if err != nil {
			return
		}
		size := 0
		for _, n := range p.sizes {
			if size += n; size > 1<<20 {
				t.Skip("much to unpack")
			}
		}
		if got, _, err := p.unpack(web, nil); err == nil && len(got) != len(p.releases) {
			t.Errorf("%d texts of %d releases", len(got), len(p.releases))
		}
	})
}
