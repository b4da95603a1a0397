//go:build race

package cost_test

func init() { race = true }
