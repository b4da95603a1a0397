package build

import (
	"runtime/debug"
	"testing"
)

func TestDescribe(t *testing.T) {
	recorded := &debug.BuildInfo{
		GoVersion: "go1.26.0",
		Main:      debug.Module{Version: "v1.0.0"},
		Settings:  []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "abc"}},
	}
	tests := []struct {
		name            string
		version, commit string
		recorded        *debug.BuildInfo
		want            Info
	}{
		{"recorded", "", "", recorded, Info{"v1.0.0", "abc", "go1.26.0"}},
		{"linked wins", "v2.0.0", "def", recorded, Info{"v2.0.0", "def", "go1.26.0"}},
		{"nothing", "", "", new(debug.BuildInfo), Info{"unknown", "unknown", "unknown"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := describe(tt.version, tt.commit, tt.recorded); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
