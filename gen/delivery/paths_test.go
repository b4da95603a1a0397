package delivery_test

import (
	"slices"
	"testing"

	"gitlab.com/towpath/towpath/gen/delivery"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	envs := environments()
	dev, prod := envs[0], envs[1]
	prod.Delivery.SkipUnchanged = true
	if got, want := delivery.Paths(dev, delivery.Reads(dev, dev.Releases[0])...), "/charts/service;/envs/dev/values/service.yaml"; got != want {
		t.Errorf("dev is made from %q, want %q", got, want)
	}
	dev.Delivery.SkipUnchanged = false
	if got := delivery.Paths(dev, delivery.Reads(dev, dev.Releases[0])...); got != "" {
		t.Errorf("dev, which does not ask for it, has the annotation %q", got)
	}
	want := []string{"charts/redis", "envs/prod/values/redis.yaml", "envs/prod/approval.yaml"}
	if got := delivery.Reads(prod, prod.Releases[0]); !slices.Equal(got, want) {
		t.Errorf("prod's redis reads %q, want %q", got, want)
	}
	// Argo CD would take an unsigned commit that changes none of them for signed.
	if got := delivery.Paths(prod, delivery.Reads(prod, prod.Releases[0])...); got != "" {
		t.Errorf("prod, whose commits are signed, has the annotation %q", got)
	}
}
