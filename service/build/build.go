// Package build says which build of the service this is.
//
// An image is built without its Git folder, so its build passes both facts by hand:
//
//	go build -ldflags "-X gitlab.com/towpath/towpath/service/build.version=v1.2.3
//	                   -X gitlab.com/towpath/towpath/service/build.commit=0123abc"
//
// A plain `go build` or `go install` falls back on what the Go tool recorded.
package build

import (
	"cmp"
	"runtime/debug"
)

var version, commit string // set by the linker

// Info names a build. All fields are always filled; "unknown" where nothing is recorded.
type Info struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

// Current describes the running program.
func Current() Info {
	recorded, ok := debug.ReadBuildInfo()
	if !ok {
		recorded = new(debug.BuildInfo)
	}
	return describe(version, commit, recorded)
}

func describe(version, commit string, recorded *debug.BuildInfo) Info {
	var revision string
	for _, s := range recorded.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return Info{
		Version: cmp.Or(version, recorded.Main.Version, "unknown"),
		Commit:  cmp.Or(commit, revision, "unknown"),
		Go:      cmp.Or(recorded.GoVersion, "unknown"),
	}
}
