// Program calico is what of Calico enforces network policies on a node: Felix, which turns them into rules of iptables,
// and the CNI plugin, which names the interface of each pod so that Felix knows it. The name that the program is called
// by says which of the two it is.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	cni "github.com/projectcalico/calico/cni-plugin/pkg/plugin"
	"github.com/projectcalico/calico/felix/buildinfo"
	"github.com/projectcalico/calico/felix/daemon"
)

func main() {
	switch name := filepath.Base(os.Args[0]); name {
	case "calico":
		cni.Main(buildinfo.GitVersion)
	case "calico-felix":
		// All that it is told is in the environment.
		daemon.Run(os.DevNull, buildinfo.GitVersion, buildinfo.GitRevision, buildinfo.BuildDate)
	default:
		fmt.Fprintf(os.Stderr, "calico: called by the name %q instead of calico or calico-felix\n", name)
		os.Exit(1)
	}
}
