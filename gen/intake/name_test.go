package intake_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/intake"
)

func TestEnvironmentNames(t *testing.T) {
	for _, tt := range []struct{ files, want string }{
		{"values-stage.yaml values-prod.yml", "stage prod"},
		{"values.stage.yaml stage.values.yaml values_us_east.yaml", "stage stage us-east"},
		{"stage.yaml PROD.yaml", "stage prod"},
		{"envs/stage/values.yaml envs/prod/values.yaml", "stage prod"},
		{"values/stage/app.yaml values/prod/app.yaml", "stage prod"},
		{"values/stage/shop.yaml", "stage"},
		{"shop-stage.yaml web-prod.yaml values-shop-qa.yaml", "stage prod qa"},
		{"stage/values-shop.yaml", "stage"},
		{"deploy/values-stage.yaml other/values-stage.yaml", "stage stage"},
		{"values.yaml", ""},
		{"values-common.yaml common.yaml base.yaml", "  "},
		{"helm/values/prod.yaml", "prod"},
	} {
		got := strings.Join(intake.EnvironmentNames(strings.Fields(tt.files), "web", "shop"), " ")
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.files, diff)
		}
	}
}

func TestMeant(t *testing.T) {
	known := []string{"dev", "prod", "stage"}
	for name, want := range map[string]string{"production": "prod", "live": "prod", "staging": "stage", "development": "dev", "prod": "", "qa": ""} {
		if got := intake.Meant(name, known); got != want {
			t.Errorf("Meant(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestTier(t *testing.T) {
	for name, want := range map[string]string{"prod": "production", "prod-eu": "production", "live": "production", "dev": "development", "stage": "staging", "qa": "staging"} {
		if got := intake.Tier(name); got != want {
			t.Errorf("Tier(%q) = %q, want %q", name, got, want)
		}
	}
}
