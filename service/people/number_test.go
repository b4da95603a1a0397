package people

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"
)

func TestParseWhole(t *testing.T) {
	for literal, want := range map[string]int32{
		"0": 0, "-0": 0, "0.0": 0, "0e99999999999999999999": 0, "3": 3, "-3": -3, "3.0": 3, "30e-1": 3, "0.3e1": 3, "3E+0": 3,
		"300.00e-2": 3, "2147483647": wholeBound, "-2147483647": -wholeBound, "0.0000000003e10": 3, "2e9": 2_000_000_000,
	} {
		if got, reason := parseWhole(literal); got != want || reason != "" {
			t.Errorf("%s: got %d %s", literal, got, reason)
		}
	}
	for literal, want := range map[string]string{
		"3.5": "integer", "1e-1": "integer", "1e-99999999999999999999": "integer", "3.00000000000000000001": "integer",
		"2147483648": "from", "-2147483648": "from", "1e10": "from", "1e999999999": "from", "1e99999999999999999999": "from",
		"99999999999999999999": "from",
	} {
		if got, reason := parseWhole(literal); !strings.Contains(reason, want) {
			t.Errorf("%s: got %d %q", literal, got, reason)
		}
	}
}

func TestParseNumber(t *testing.T) {
	for literal, want := range map[string]float64{
		"7": 7, "-0": 0, "0.42": .42, "1e15": 1e15, "-1e15": -1e15, "1e-400": 0, "7.2500e0": 7.25,
	} {
		if got, reason := parseNumber(literal); got != want || reason != "" {
			t.Errorf("%s: got %v %s", literal, got, reason)
		}
	}
	for _, literal := range []string{"1000000000000001", "1e16", "-1e308", "1e400", "1e99999999999999999999"} {
		if got, reason := parseNumber(literal); reason == "" {
			t.Errorf("%s: got %v", literal, got)
		}
	}
}

// isNumber agrees with encoding/json, and parseWhole with exact arithmetic.
func FuzzNumber(f *testing.F) {
	for _, text := range []string{"", "-", "0", "00", "1.", ".5", "1e", "1e+", "1e5", "+1", "NaN", "0x1p-2", "1_0", "-0.0e-0", "123456789012", "3.0", "1e10", "21474836470e-1", " 1", "1 "} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var number json.Number
		// The decoder forgives space around a value, and lets null be nothing.
		valid := json.Unmarshal([]byte(text), &number) == nil && string(number) == text && text != ""
		if valid && text[0] == '"' {
			valid = false
		}
		if got := isNumber(text); got != valid {
			t.Fatalf("isNumber(%q) is %t", text, got)
		}
		if !valid {
			return
		}
		n, reason := parseNumber(text)
		if reason == "" && (n < -numberBound || n > numberBound || n != n) {
			t.Errorf("%s is %v", text, n)
		}
		whole, reason := parseWhole(text)
		if i := strings.IndexAny(text, "eE"); i >= 0 && len(text)-i > 4 {
			return // too large for the exact check
		}
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("big.Rat does not read %s", text)
		}
		fits := exact.IsInt() && exact.Num().IsInt64() && exact.Num().Int64() <= wholeBound && exact.Num().Int64() >= -wholeBound
		if fits != (reason == "") || fits && int64(whole) != exact.Num().Int64() {
			t.Errorf("parseWhole(%s) is %d %q, exactly it is %s", text, whole, reason, exact)
		}
	})
}
