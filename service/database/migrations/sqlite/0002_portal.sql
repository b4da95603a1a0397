-- +goose Up
-- Times are microseconds since 1970. The key of a user is never given out twice, so what belongs
-- to a deleted user cannot come to belong to the next of the same name.
CREATE TABLE users (
    key      TEXT    PRIMARY KEY,
    name     TEXT    NOT NULL UNIQUE,
    password TEXT    NOT NULL,
    admin    INTEGER NOT NULL CHECK (admin IN (0, 1)),
    created  INTEGER NOT NULL
) STRICT;

CREATE TABLE notes (
    id      TEXT    PRIMARY KEY,
    owner   TEXT    NOT NULL REFERENCES users (key) ON DELETE CASCADE,
    body    TEXT    NOT NULL,
    created INTEGER NOT NULL
) STRICT;
CREATE INDEX notes_of_owner ON notes (owner, created);

CREATE TABLE images (
    id      TEXT    PRIMARY KEY,
    owner   TEXT    NOT NULL REFERENCES users (key) ON DELETE CASCADE,
    name    TEXT    NOT NULL,
    kind    TEXT    NOT NULL CHECK (kind IN ('png', 'jpeg', 'gif')),
    width   INTEGER NOT NULL,
    height  INTEGER NOT NULL,
    size    INTEGER NOT NULL,
    created INTEGER NOT NULL
) STRICT;
CREATE INDEX images_of_owner ON images (owner, created);

CREATE TABLE sessions (
    hash    TEXT    PRIMARY KEY,
    owner   TEXT    NOT NULL REFERENCES users (key) ON DELETE CASCADE,
    expires INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_expiry ON sessions (expires);
CREATE INDEX sessions_of_owner ON sessions (owner);

-- +goose Down
DROP TABLE sessions;
DROP TABLE images;
DROP TABLE notes;
DROP TABLE users;
