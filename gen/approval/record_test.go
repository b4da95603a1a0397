package approval_test

import (
	"bytes"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/commit"
)

func record(change ...func(*approval.Record)) approval.Record {
	r := approval.Record{
		Number: 7, Commit: strings.Repeat("0123456789", 4), ApprovedBy: "Ada <ada@example.org>",
		ApprovedAt: time.Date(2024, 6, 1, 12, 30, 15, 0, time.UTC), Evidence: "stage: service Synced and Healthy",
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func TestYAML(t *testing.T) {
	t.Parallel()
	got := string(record(func(r *approval.Record) {
		r.RollbackTo = 5
		r.Evidence = `release 5: "all" {{ .Values }} 'fine' # & <ok> é`
	}).YAML())
	want := `# Written by gen approve: the record of one approval. It is never on main.
approval:
  number: 7
  commit: "0123456789012345678901234567890123456789"
  approvedBy: "Ada <ada@example.org>"
  approvedAt: "2024-06-01T12:30:15Z"
  evidence: "release 5: \"all\" {{ .Values }} 'fine' # & <ok> é"
  rollbackTo: 5
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r, err := approval.Parse([]byte(got))
	if err != nil || r.RollbackTo != 5 {
		t.Errorf("%+v, error %v", r, err)
	}
}

// TestParse takes a record in one form only.
func TestParse(t *testing.T) {
	t.Parallel()
	good := string(record().YAML())
	for name, c := range map[string]struct{ text, want string }{
		"empty":          {"", "the number is 0"},
		"no YAML":        {"approval: [", "can't be read"},
		"another field":  {good + "  more: 1\n", "unknown field"},
		"another root":   {good + "image:\n  tag: x\n", "unknown field"},
		"number twice":   {good + "  number: 8\n", "already set"},
		"second text":    {good + "---\napproval:\n  number: 8\n", "not written as gen writes it"},
		"comment":        {good + "# x\n", "not written as gen writes it"},
		"other quotes":   {strings.ReplaceAll(good, `"`, `'`), "not written as gen writes it"},
		"number as text": {strings.Replace(good, "7", `"7"`, 1), "can't be read"},
		"anchor":         {strings.Replace(good, "7", "&a 7", 1), "not written as gen writes it"},
		"number 0":       {strings.Replace(good, "7", "0", 1), "the number is 0"},
		"number too big": {strings.Replace(good, "7", "1000000000000000000", 1), "the number is"},
		"short commit":   {strings.Replace(good, "0123456789", "", 1), "not an id of 40 digits"},
		"another zone":   {strings.Replace(good, "15Z", "15+01:00", 1), "not written as gen writes it"},
		"parts of a second": {
			strings.Replace(good, "15Z", "15.5Z", 1), "not in seconds",
		},
		"no evidence":    {before(good, "  evidence"), "there must be evidence"},
		"hidden letters": {strings.Replace(good, "Ada", "A\u202eda", 1), "does not show"},
		"bell":           {strings.Replace(good, "Ada", `A\u0007da`, 1), "does not show"},
		"two lines":      {strings.Replace(good, "Healthy", `Healthy\nApproved-By: Eve`, 1), "does not show"},
		"goes forward":   {good + "  rollbackTo: 7\n", "can't go back"},
	} {
		if _, err := approval.Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func before(text, mark string) string {
	text, _, _ = strings.Cut(text, mark)
	return text
}

// TestTrailers has git interpret-trailers agree on what the trailers are, whatever
// the rest of the message looks like.
func TestTrailers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		record            approval.Record
		approved, summary string
	}{
		"plain":       {record(), "prod: three replicas", "Objects: 1 changed. No risks."},
		"rollback":    {record(func(r *approval.Record) { r.RollbackTo = 5 }), "x", ""},
		"no evidence": {record(func(r *approval.Record) { r.Evidence, r.NoEvidence = "", "stage: is: down" }), "x", ""},
		"trailers before": {
			record(), "Approved-By: Eve <eve@example.org>", "Approval-Number: 99\nApproved-By: Eve <eve@example.org>",
		},
		"a patch":           {record(), "---", "---\ndiff --git a/x b/x\n--- a/x\n+++ b/x"},
		"a cut":             {record(), "x", "# ------------------------ >8 ------------------------\nmore"},
		"signed off by":     {record(), "x", "Signed-off-by: Eve <eve@example.org>\nsome text"},
		"what acts":         {record(), "x\x1b[31m\r\u202ey", "a\tb\x07\nc"},
		"empty lines":       {record(), "", "\n\na\n\n\nb\n\n"},
		"looks like header": {record(), "gpgsig x", "tree 123\nparent 456"},
	} {
		m := approval.Message("prod", c.record, c.approved, c.summary)
		var want string
		for _, trailer := range c.record.Trailers() {
			want += trailer.Key + ": " + trailer.Value + "\n"
		}
		cmd := exec.Command("git", "interpret-trailers", "--parse")
		cmd.Stdin = strings.NewReader(m.String())
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if string(out) != want {
			t.Errorf("%s: git reads\n%swant\n%sof\n%s", name, out, want, m)
		}
		got, err := approval.ParseTrailers(commit.ParseMessage(m.String()).Trailers)
		if err != nil || got != c.record {
			t.Errorf("%s: %+v, error %v", name, got, err)
		}
		if strings.ContainsAny(m.String(), "\x1b\x07\r\u202e\t") {
			t.Errorf("%s: %q", name, m)
		}
	}
}

func TestParseTrailers(t *testing.T) {
	t.Parallel()
	swap := func(i, j int) func([]commit.Trailer) []commit.Trailer {
		return func(all []commit.Trailer) []commit.Trailer { all[i], all[j] = all[j], all[i]; return all }
	}
	for name, c := range map[string]struct {
		change func([]commit.Trailer) []commit.Trailer
		want   string
	}{
		"none": {func([]commit.Trailer) []commit.Trailer { return nil }, "no trailers of an approval"},
		"others": {func([]commit.Trailer) []commit.Trailer { return []commit.Trailer{{Key: "Approved-By", Value: "Eve"}} },
			"no trailers of an approval"},
		"missing": {func(all []commit.Trailer) []commit.Trailer { return all[:4] }, "there must be evidence"},
		"order":   {swap(0, 1), "stands where"},
		"twice":   {func(all []commit.Trailer) []commit.Trailer { return append(all, all[4]) }, "one too many"},
		"unknown": {func(all []commit.Trailer) []commit.Trailer { return append(all, commit.Trailer{Key: "X", Value: "y"}) }, "one too many"},
		"+7":      {func(all []commit.Trailer) []commit.Trailer { all[0].Value = "+7"; return all }, "stands where"},
		"seven":   {func(all []commit.Trailer) []commit.Trailer { all[0].Value = "seven"; return all }, "Approval-Number is"},
		"case":    {func(all []commit.Trailer) []commit.Trailer { all[2].Key = "approved-by"; return all }, "the text is empty"},
		"both": {func(all []commit.Trailer) []commit.Trailer {
			return append(all, commit.Trailer{Key: "No-Evidence", Value: "x"})
		}, "there must be evidence"},
	} {
		if _, err := approval.ParseTrailers(c.change(record().Trailers())); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

// FuzzParse takes nothing that would not be written back byte for byte, and that the
// trailers of a commit could not say as well.
func FuzzParse(f *testing.F) {
	f.Add(record().YAML())
	f.Add(record(func(r *approval.Record) { r.RollbackTo, r.NoEvidence, r.Evidence = 3, "a \"b\" \\ é", "" }).YAML())
	f.Add([]byte("approval: {number: 1}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := approval.Parse(data)
		if err != nil {
			return
		}
		if !bytes.Equal(r.YAML(), data) {
			t.Errorf("%q becomes %q", data, r.YAML())
		}
		m := commit.ParseMessage(approval.Message("prod", r, "subject", "").String())
		if again, err := approval.ParseTrailers(m.Trailers); err != nil || again != r {
			t.Errorf("%+v becomes %+v, error %v", r, again, err)
		}
	})
}

// FuzzMessage reads the trailers of any message, and takes none that are not written
// as gen does.
func FuzzMessage(f *testing.F) {
	f.Add(approval.Message("prod", record(), "subject", "summary").String())
	f.Add("prod: release 1\n\nApproval-Number: 1\n")
	f.Add("\n\nApproval-Number: 07\nApproved-Commit: x")
	f.Fuzz(func(t *testing.T, text string) {
		m := commit.ParseMessage(text)
		r, err := approval.ParseTrailers(m.Trailers)
		if err != nil {
			return
		}
		if got := r.Trailers(); !reflect.DeepEqual(got, m.Trailers) {
			t.Errorf("%v becomes %v", m.Trailers, got)
		}
		if again, err := approval.Parse(r.YAML()); err != nil || again != r {
			t.Errorf("%+v becomes %+v, error %v", r, again, err)
		}
	})
}

// FuzzSubject can't be talked into other trailers by what the approved commit says.
func FuzzSubject(f *testing.F) {
	f.Add("subject", "summary")
	f.Add("x\n\nApproval-Number: 9", "---\n\nApproval-Number: 9\n")
	want := record()
	f.Fuzz(func(t *testing.T, subject, summary string) {
		m := commit.ParseMessage(approval.Message("prod", want, subject, summary).String())
		if got, err := approval.ParseTrailers(m.Trailers); err != nil || got != want || m.Subject != "prod: release 7" {
			t.Errorf("%q, %+v, error %v", m.Subject, got, err)
		}
	})
}
