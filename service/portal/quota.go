package portal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gitlab.com/towpath/towpath/service/database"
)

// ErrQuota says that an account has all that it may have.
var ErrQuota = errors.New("the account's quota is used up")

// Quota is how much one account may keep; 0 is no limit.
type Quota struct {
	Notes      int
	ImageBytes int64
}

// Usage is how much an account keeps, counted as for its [Quota].
type Usage Quota

// leastImage is what an image counts as at least, in bytes: a small file takes that much of a
// disk. So the limit on bytes is one on the number of files, too.
const leastImage = 4 << 10

const countNotes = "SELECT count(*) FROM notes WHERE owner = ?"

var countImages = fmt.Sprintf("SELECT CAST(COALESCE(SUM(CASE WHEN size < %[1]d THEN %[1]d ELSE size END), 0) AS bigint) "+
	"FROM images WHERE owner = ?", leastImage)

func (s sqlStore) Usage(ctx context.Context, owner string) (u Usage, err error) {
	row := s.db.Reader().QueryRowContext(ctx, s.db.Rebind("SELECT ("+countNotes+"), ("+countImages+")"), owner, owner)
	if err := row.Scan(&u.Notes, &u.ImageBytes); err != nil {
		return Usage{}, fmt.Errorf("count what an account keeps: %w", err)
	}
	return u, nil
}

// add runs an INSERT for an owner, unless what there is and size are more than most. Two at once
// cannot both take the last place: SQLite has one writer, and PostgreSQL is told to wait.
func (s sqlStore) add(ctx context.Context, what, owner string, most, size int64, count, insert string, args ...any) error {
	if most == 0 {
		return s.one(ctx, what, insert, args...)
	}
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		if s.db.Dialect() == database.Postgres {
			if _, err := tx.ExecContext(ctx, s.db.Rebind("SELECT key FROM users WHERE key = ? FOR NO KEY UPDATE"), owner); err != nil {
				return err
			}
		}
		var used int64
		if err := tx.QueryRowContext(ctx, s.db.Rebind(count), owner).Scan(&used); err != nil {
			return err
		}
		if used+size > most {
			return ErrQuota
		}
		_, err := tx.ExecContext(ctx, s.db.Rebind(insert), args...)
		return err
	})
	if err != nil && !errors.Is(err, ErrQuota) {
		err = fmt.Errorf("%s: %w", what, err)
	}
	return err
}

// room is what the private page says about a quota.
type room struct {
	Used, Most string // Most is empty for no limit
	Full       bool
}

func (p *Portal) noteRoom(u Usage) room {
	r := room{Used: thousands(u.Notes)}
	if most := p.quota.Notes; most > 0 {
		r.Most, r.Full = thousands(most), u.Notes >= most
	}
	return r
}

func (p *Portal) imageRoom(u Usage) room {
	r := room{Used: sizeText(u.ImageBytes)}
	if most := p.quota.ImageBytes; most > 0 {
		r.Most, r.Full = sizeText(most), u.ImageBytes+leastImage > most
	}
	return r
}

// thousands writes 1,000 where strconv would write 1000.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
