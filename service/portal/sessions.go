package portal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/redis"
)

// Session says who a browser is signed in as.
type Session struct {
	Owner   string // key of the user
	Expires time.Time
}

// Sessions keeps sessions where every pod finds them. It knows a session by the hash of its id,
// see [hashToken], so that whoever reads the store, or a backup of it, cannot sign in with what
// is there.
type Sessions interface {
	Put(ctx context.Context, hash string, s Session) error
	// Get gives ErrNotFound for a session that is unknown or has expired at now.
	Get(ctx context.Context, hash string, now time.Time) (Session, error)
	Delete(ctx context.Context, hash string) error // no error if it is not there
	// Expire forgets what has expired at now.
	Expire(ctx context.Context, now time.Time) error
}

const tokenBytes = 32

// newToken makes a session id: 256 random bits, for a cookie.
func newToken() string {
	var raw [tokenBytes]byte
	rand.Read(raw[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// hashToken gives the hash that a session is kept under; false for what is no session id. A
// plain hash will do: 256 random bits cannot be guessed, however fast the hash.
func hashToken(token string) (string, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != tokenBytes {
		return "", false
	}
	hash := sha256.Sum256(raw)
	return hex.EncodeToString(hash[:]), true
}

// sqlSessions keeps sessions beside the users. Those of a deleted user go with it.
type sqlSessions struct{ db *database.DB }

// NewSessions keeps sessions in the database.
func NewSessions(db *database.DB) Sessions { return sqlSessions{db} }

func (s sqlSessions) Put(ctx context.Context, hash string, session Session) error {
	_, err := s.db.Writer().ExecContext(ctx, s.db.Rebind("INSERT INTO sessions (hash, owner, expires) VALUES (?, ?, ?)"),
		hash, session.Owner, micros(session.Expires))
	if err != nil {
		return fmt.Errorf("keep a session: %w", err)
	}
	return nil
}

func (s sqlSessions) Get(ctx context.Context, hash string, now time.Time) (session Session, err error) {
	var expires int64
	err = s.db.Reader().QueryRowContext(ctx, s.db.Rebind("SELECT owner, expires FROM sessions WHERE hash = ? AND expires > ?"),
		hash, micros(now)).Scan(&session.Owner, &expires)
	session.Expires = fromMicros(expires)
	return session, notFound("find a session", err)
}

func (s sqlSessions) Delete(ctx context.Context, hash string) error {
	if _, err := s.db.Writer().ExecContext(ctx, s.db.Rebind("DELETE FROM sessions WHERE hash = ?"), hash); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return nil
}

func (s sqlSessions) Expire(ctx context.Context, now time.Time) error {
	if _, err := s.db.Writer().ExecContext(ctx, s.db.Rebind("DELETE FROM sessions WHERE expires <= ?"), micros(now)); err != nil {
		return fmt.Errorf("forget expired sessions: %w", err)
	}
	return nil
}

// redisSessions keeps sessions in Redis, which forgets them by itself. A session of a deleted
// user stays there, but its owner's key is never given out again.
type redisSessions struct {
	client *redis.Client
	now    func() time.Time
}

// NewRedisSessions keeps sessions in Redis; now is usually [time.Now].
func NewRedisSessions(client *redis.Client, now func() time.Time) Sessions {
	return redisSessions{client, now}
}

func sessionKey(hash string) string { return "portal:session:" + hash }

func (s redisSessions) Put(ctx context.Context, hash string, session Session) error {
	value, err := json.Marshal(session)
	if err != nil {
		return fmt.Errorf("keep a session: %w", err)
	}
	ttl := max(session.Expires.Sub(s.now()), time.Millisecond)
	if err := s.client.Set(ctx, sessionKey(hash), value, ttl); err != nil {
		return fmt.Errorf("keep a session: %w", err)
	}
	return nil
}

func (s redisSessions) Get(ctx context.Context, hash string, now time.Time) (session Session, err error) {
	value, found, err := s.client.Get(ctx, sessionKey(hash))
	if err != nil {
		return Session{}, fmt.Errorf("find a session: %w", err)
	}
	if !found {
		return Session{}, ErrNotFound
	}
	if err := json.Unmarshal(value, &session); err != nil {
		return Session{}, fmt.Errorf("find a session: %w", err)
	}
	if !session.Expires.After(now) { // the clock of Redis may be another
		return Session{}, ErrNotFound
	}
	return session, nil
}

func (s redisSessions) Delete(ctx context.Context, hash string) error {
	if err := s.client.Delete(ctx, sessionKey(hash)); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return nil
}

func (redisSessions) Expire(context.Context, time.Time) error { return nil }
