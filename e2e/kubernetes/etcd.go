package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func runEtcd() int {
	// It ends the process itself, with its exit code.
	etcdmain.Main(os.Args)
	return 0
}
