package database

import "testing"

func TestRebind(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT 1":                        "SELECT 1",
		"?":                               "$1",
		"a = ? AND b = ?":                 "a = $1 AND b = $2",
		"(?,?,?,?,?,?,?,?,?,?,?,?)[tail]": "($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)[tail]",
	} {
		if got := Postgres.rebind(query); got != want {
			t.Errorf("%s: got %s", query, got)
		}
		if got := SQLite.rebind(query); got != query {
			t.Errorf("%s: got %s for SQLite", query, got)
		}
	}
}
