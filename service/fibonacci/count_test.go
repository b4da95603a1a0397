package fibonacci

import (
	"errors"
	"io"
	"math/big"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"gitlab.com/towpath/towpath/service/problem"
)

// FuzzParseCount compares the path parameter's reading with one by regular expression and
// math/big.
func FuzzParseCount(f *testing.F) {
	for _, s := range []string{"0", "8", "-0", "-1", "10000", "10001", "+1", "", "%38", "%", "%zz", "１", "1\n", "00000000000000000001", "99999999999999999999"} {
		f.Add(s)
	}
	whole := regexp.MustCompile(`\A-?[0-9]+\z`)
	f.Fuzz(func(t *testing.T, param string) {
		n, err := parseCount(param)
		want := 0
		text, bad := url.PathUnescape(param)
		value, ok := new(big.Int).SetString(text, 10)
		switch {
		case bad != nil || !whole.MatchString(text) || !ok:
			want = 404
		case value.Sign() < 0 || value.Cmp(big.NewInt(Limit)) > 0:
			want = 400
		}
		if want == 0 {
			if err != nil || int64(n) != value.Int64() {
				t.Errorf("%q: got %d, %v", param, n, err)
			}
			return
		}
		var p *problem.Problem
		if !errors.As(err, &p) || p.Status != want {
			t.Errorf("%q: got %d, %v, want status %d", param, n, err, want)
		}
	})
}

// The text must not depend on the sizes in which it is read.
func TestReaderInPieces(t *testing.T) {
	want, err := io.ReadAll(newReader(300, plain))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(iotest.OneByteReader(newReader(300, plain)))
	if err != nil || string(got) != string(want) {
		t.Errorf("byte by byte: %d bytes, %v", len(got), err)
	}
	if err := iotest.TestReader(newReader(300, jsonForm(300)), []byte(jsonForm(300).open+strings.ReplaceAll(strings.Trim(string(want), "[]"), " ", "")+"]}")); err != nil {
		t.Error(err)
	}
}
