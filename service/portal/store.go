package portal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gitlab.com/towpath/towpath/service/database"
)

// Store keeps users, notes and what is known of images. The contents of images are files, see
// files.go. All methods are safe for concurrent use and give ErrNotFound for what is not there.
type Store interface {
	AddUser(ctx context.Context, u User) error // ErrTaken if the name exists
	AddFirst(ctx context.Context, users []User, notes []Note) (added bool, err error)
	UserByName(ctx context.Context, name string) (User, error)
	UserByKey(ctx context.Context, key string) (User, error)
	Accounts(ctx context.Context) ([]Account, error) // by name
	// DeleteUser removes the user with notes and images, and returns the ids of those images.
	DeleteUser(ctx context.Context, key string) (images []string, err error)

	// AddNote and AddImage give ErrQuota for what would be more than the owner may have.
	AddNote(ctx context.Context, n Note, most Quota) error
	Note(ctx context.Context, id string) (Note, error)
	Notes(ctx context.Context, owner string, at Cursor, size int) (Page[Note], error)
	DeleteNote(ctx context.Context, id, owner string) error

	AddImage(ctx context.Context, i Image, most Quota) error
	Image(ctx context.Context, id string) (Image, error)
	Images(ctx context.Context, owner string, at Cursor, size int) (Page[Image], error)
	DeleteImage(ctx context.Context, id, owner string) error

	Usage(ctx context.Context, owner string) (Usage, error)
}

// sqlStore is the Store in SQLite and PostgreSQL. Its statements are the same for both; values only
// ever travel as parameters.
type sqlStore struct{ db *database.DB }

// NewStore makes a Store in a database whose migrations have run.
func NewStore(db *database.DB) Store { return sqlStore{db} }

// scanner is a row or the current one of several.
type scanner interface{ Scan(...any) error }

func micros(t time.Time) int64     { return t.UnixMicro() }
func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }

// notFound gives the one error for rows that are not there.
func notFound(what string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// all collects rows.
func all[T any](ctx context.Context, db *database.DB, what string, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.Reader().QueryContext(ctx, db.Rebind(query), args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		list = append(list, item)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return list, nil
}

// one changes exactly one row, or gives ErrNotFound.
func (s sqlStore) one(ctx context.Context, what, query string, args ...any) error {
	result, err := s.db.Writer().ExecContext(ctx, s.db.Rebind(query), args...)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}

const (
	userColumns = "key, name, password, admin, created"
	insertUser  = "INSERT INTO users (" + userColumns + ") VALUES (?, ?, ?, ?, ?)"
	insertNote  = "INSERT INTO notes (id, owner, body, created) VALUES (?, ?, ?, ?)"
)

func scanUser(row scanner) (u User, err error) {
	var created int64
	err = row.Scan(&u.Key, &u.Name, &u.Password, &u.Admin, &created)
	u.Created = fromMicros(created)
	return u, err
}

func (s sqlStore) AddUser(ctx context.Context, u User) error {
	_, err := s.db.Writer().ExecContext(ctx, s.db.Rebind(insertUser), u.Key, u.Name, u.Password, u.Admin, micros(u.Created))
	if database.IsUniqueViolation(err) {
		return ErrTaken
	}
	if err != nil {
		return fmt.Errorf("add a user: %w", err)
	}
	return nil
}

// AddFirst adds users and notes if there is no user at all, all or none of them.
func (s sqlStore) AddFirst(ctx context.Context, users []User, notes []Note) (added bool, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM users").Scan(&n); err != nil || n > 0 {
			return err
		}
		for _, u := range users {
			if _, err := tx.ExecContext(ctx, s.db.Rebind(insertUser), u.Key, u.Name, u.Password, u.Admin, micros(u.Created)); err != nil {
				return err
			}
		}
		for _, n := range notes {
			if _, err := tx.ExecContext(ctx, s.db.Rebind(insertNote), n.ID, n.Owner, n.Text, micros(n.Created)); err != nil {
				return err
			}
		}
		added = true
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("add the first users: %w", err)
	}
	return added, nil
}

func (s sqlStore) UserByName(ctx context.Context, name string) (User, error) {
	u, err := scanUser(s.db.Reader().QueryRowContext(ctx, s.db.Rebind("SELECT "+userColumns+" FROM users WHERE name = ?"), name))
	return u, notFound("find a user", err)
}

func (s sqlStore) UserByKey(ctx context.Context, key string) (User, error) {
	u, err := scanUser(s.db.Reader().QueryRowContext(ctx, s.db.Rebind("SELECT "+userColumns+" FROM users WHERE key = ?"), key))
	return u, notFound("find a user", err)
}

func (s sqlStore) Accounts(ctx context.Context) ([]Account, error) {
	return all(ctx, s.db, "list users", func(row scanner) (a Account, err error) {
		var created int64
		err = row.Scan(&a.Key, &a.Name, &a.Admin, &created, &a.Notes, &a.Images)
		a.Created = fromMicros(created)
		return a, err
	}, `SELECT key, name, admin, created,
		(SELECT count(*) FROM notes WHERE owner = users.key), (SELECT count(*) FROM images WHERE owner = users.key)
		FROM users ORDER BY name`)
}

func (s sqlStore) DeleteUser(ctx context.Context, key string) (images []string, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, s.db.Rebind("SELECT id FROM images WHERE owner = ?"), key)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			images = append(images, id)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		rows.Close()
		// The rows that belong to the user follow by their foreign keys.
		result, err := tx.ExecContext(ctx, s.db.Rebind("DELETE FROM users WHERE key = ?"), key)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, sql.ErrNoRows)
		}
		return nil
	})
	if err != nil {
		return nil, notFound("delete a user", err)
	}
	return images, nil
}

func scanNote(row scanner) (n Note, err error) {
	var created int64
	err = row.Scan(&n.ID, &n.Owner, &n.Text, &created)
	n.Created = fromMicros(created)
	return n, err
}

func (s sqlStore) AddNote(ctx context.Context, n Note, most Quota) error {
	return s.add(ctx, "add a note", n.Owner, int64(most.Notes), 1, countNotes, insertNote, n.ID, n.Owner, n.Text, micros(n.Created))
}

func (s sqlStore) Note(ctx context.Context, id string) (Note, error) {
	n, err := scanNote(s.db.Reader().QueryRowContext(ctx, s.db.Rebind("SELECT id, owner, body, created FROM notes WHERE id = ?"), id))
	return n, notFound("find a note", err)
}

func (s sqlStore) Notes(ctx context.Context, owner string, at Cursor, size int) (Page[Note], error) {
	return paged(ctx, func(ctx context.Context, at Cursor, limit int) ([]Note, error) {
		beside, args := at.beside(limit)
		return all(ctx, s.db, "list notes", scanNote,
			"SELECT id, owner, body, created FROM notes WHERE owner = ?"+beside, append([]any{owner}, args...)...)
	}, at, size)
}

func (s sqlStore) DeleteNote(ctx context.Context, id, owner string) error {
	return s.one(ctx, "delete a note", "DELETE FROM notes WHERE id = ? AND owner = ?", id, owner)
}

const imageColumns = "id, owner, name, kind, width, height, size, created"

func scanImage(row scanner) (i Image, err error) {
	var created int64
	err = row.Scan(&i.ID, &i.Owner, &i.Name, &i.Kind, &i.Width, &i.Height, &i.Size, &created)
	i.Created = fromMicros(created)
	return i, err
}

func (s sqlStore) AddImage(ctx context.Context, i Image, most Quota) error {
	return s.add(ctx, "add an image", i.Owner, most.ImageBytes, max(i.Size, leastImage), countImages,
		"INSERT INTO images ("+imageColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		i.ID, i.Owner, i.Name, i.Kind, i.Width, i.Height, i.Size, micros(i.Created))
}

func (s sqlStore) Image(ctx context.Context, id string) (Image, error) {
	i, err := scanImage(s.db.Reader().QueryRowContext(ctx, s.db.Rebind("SELECT "+imageColumns+" FROM images WHERE id = ?"), id))
	return i, notFound("find an image", err)
}

func (s sqlStore) Images(ctx context.Context, owner string, at Cursor, size int) (Page[Image], error) {
	return paged(ctx, func(ctx context.Context, at Cursor, limit int) ([]Image, error) {
		beside, args := at.beside(limit)
		return all(ctx, s.db, "list images", scanImage,
			"SELECT "+imageColumns+" FROM images WHERE owner = ?"+beside, append([]any{owner}, args...)...)
	}, at, size)
}

func (s sqlStore) DeleteImage(ctx context.Context, id, owner string) error {
	return s.one(ctx, "delete an image", "DELETE FROM images WHERE id = ? AND owner = ?", id, owner)
}
