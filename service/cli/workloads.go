package cli

import (
	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/fibonacci"
	"gitlab.com/towpath/towpath/service/home"
	"gitlab.com/towpath/towpath/service/workload"
)

// workloads lists what this process carries: a line here and a switch in config's table are all
// that a new workload needs outside its own folder.
func workloads(cfg config.Config) []workload.Workload {
	var on []workload.Workload
	for _, w := range []struct {
		enabled bool
		make    func() workload.Workload
	}{
		{cfg.HomeEnabled, func() workload.Workload { return home.New(nil) }},
		{cfg.FibonacciEnabled, fibonacci.New},
	} {
		if w.enabled {
			on = append(on, w.make())
		}
	}
	return on
}
