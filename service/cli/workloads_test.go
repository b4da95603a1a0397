package cli

import (
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/service/build"
	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/server"
)

// allOn switches on every workload that config knows of, also those to come.
func allOn(t *testing.T) (cfg config.Config, switches int) {
	t.Helper()
	v := reflect.ValueOf(&cfg).Elem()
	for i := range v.NumField() {
		if strings.HasSuffix(v.Type().Field(i).Name, "Enabled") {
			v.Field(i).SetBool(true)
			switches++
		}
	}
	return cfg, switches
}

func TestEachSwitchHasItsWorkload(t *testing.T) {
	cfg, switches := allOn(t)
	all := workloads(cfg, nil, slog.New(slog.DiscardHandler))
	if len(all) != switches || switches == 0 {
		t.Fatalf("%d workloads for %d switches", len(all), switches)
	}
	seen := map[string]bool{}
	for _, w := range all {
		if seen[w.Name] {
			t.Errorf("two workloads are called %s", w.Name)
		}
		seen[w.Name] = true
	}
	if none := workloads(config.Config{}, nil, slog.New(slog.DiscardHandler)); len(none) != 0 {
		t.Errorf("with all switches off there is %v", none)
	}
}

func TestWorkloadsDoNotClash(t *testing.T) {
	cfg, _ := allOn(t)
	if _, err := server.New(cfg, slog.New(slog.DiscardHandler), build.Info{}, workloads(cfg, nil, slog.New(slog.DiscardHandler))...); err != nil {
		t.Error(err)
	}
}

// --help shows the table of variables whole, and after everything else.
func TestHelpHasTheTable(t *testing.T) {
	var table, help, stderr strings.Builder
	if err := config.Usage(&table); err != nil {
		t.Fatal(err)
	}
	if code := Main([]string{"--help"}, &help, &stderr); code != 0 || stderr.String() != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr.String())
	}
	if !strings.HasSuffix(help.String(), table.String()) {
		t.Errorf("%s\ndoes not end in\n%s", help.String(), table.String())
	}
}
