package edit_test

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"gitlab.com/towpath/towpath/gen/edit"
)

func TestOverlay(t *testing.T) {
	o := edit.Overlay{
		Base: fstest.MapFS{"a/x": {Data: []byte("1")}, "a/y": {Data: []byte("1")}, "b": {Data: []byte("1")}, "gone": {Data: []byte("1")}},
		Files: map[string][]byte{
			"a/x": []byte("22"), "a/new": []byte("3"), "gone": nil, "deep/er/z": []byte("4"), "empty": {},
		},
	}
	if err := fstest.TestFS(o, "a/x", "a/y", "a/new", "b", "deep/er/z", "empty"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"a/x": "22", "a/y": "1", "deep/er/z": "4", "empty": ""} {
		if got, err := fs.ReadFile(o, name); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v, not %q", name, got, err, want)
		}
	}
	if _, err := fs.ReadFile(o, "gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
	if names, err := fs.Glob(o, "gone"); err != nil || len(names) > 0 {
		t.Errorf("gone is listed: %v, %v", names, err)
	}
}
