package cli

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/service/build"
	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/database/databasetest"
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
	all := workloads(cfg, databasetest.SQLite(t), slog.New(slog.DiscardHandler))
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
	all := workloads(cfg, databasetest.SQLite(t), slog.New(slog.DiscardHandler))
	if _, err := server.New(cfg, slog.New(slog.DiscardHandler), build.Info{}, all...); err != nil {
		t.Error(err)
	}
}

var navLink = regexp.MustCompile(`<li><a href="([^"]+)"`)

// The navigation has what is switched on and nothing else, so no link of it leads nowhere.
func TestNavigationFollowsTheSwitches(t *testing.T) {
	for _, tt := range []struct {
		off  string
		page string
		want []string
	}{
		{"", "/people", []string{"/", "/public/", "/people", "/docs"}},
		{"API_DOCS", "/people", []string{"/", "/public/", "/people"}},
		{"HOME_ENABLED", "/public/", []string{"/", "/public/", "/people", "/docs"}},
		{"PORTAL_ENABLED", "/people", []string{"/people", "/docs"}},
		{"PEOPLE_ENABLED", "/public/", []string{"/", "/public/"}},
	} {
		t.Run(tt.off, func(t *testing.T) {
			env := map[string]string{"API_DOCS": "true"}
			env[tt.off] = "false"
			cfg, err := config.Load(func(name string) (string, bool) { value, ok := env[name]; return value, ok })
			if err != nil {
				t.Fatal(err)
			}
			log := slog.New(slog.DiscardHandler)
			s, err := server.New(cfg, log, build.Info{}, workloads(cfg, databasetest.SQLite(t), log)...)
			if err != nil {
				t.Fatal(err)
			}
			get := func(path string) (int, string) {
				r := httptest.NewRequest("GET", path, nil)
				r.Header.Set("Accept", "text/html")
				answer, err := s.App().Test(r, -1)
				if err != nil {
					t.Fatal(err)
				}
				defer answer.Body.Close()
				body, err := io.ReadAll(answer.Body)
				if err != nil {
					t.Fatal(err)
				}
				return answer.StatusCode, string(body)
			}
			status, page := get(tt.page)
			var got []string
			for _, m := range navLink.FindAllStringSubmatch(page, -1) {
				got = append(got, m[1])
				if status, page := get(m[1]); status != 200 || !strings.HasPrefix(page, "<!doctype html>") {
					t.Errorf("%s: %d", m[1], status)
				}
			}
			if status != 200 || !slices.Equal(got, tt.want) {
				t.Errorf("%d, got %v, want %v", status, got, tt.want)
			}
			if !strings.Contains(page, `<a class="brand" href="`+tt.want[0]+`">`) {
				t.Error("the name of the service does not lead to the first page")
			}
			if signIn := strings.Contains(page, "Sign in</a>"); signIn != (tt.off != "PORTAL_ENABLED") {
				t.Errorf("a way to sign in: %t", signIn)
			}
		})
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
