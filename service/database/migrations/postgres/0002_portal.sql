-- +goose Up
-- Times are microseconds since 1970. The key of a user is never given out twice, so what belongs
-- to a deleted user cannot come to belong to the next of the same name.
CREATE TABLE users (
    key      text    PRIMARY KEY,
    name     text    NOT NULL UNIQUE,
    password text    NOT NULL,
    admin    boolean NOT NULL,
    created  bigint  NOT NULL
);

CREATE TABLE notes (
    id      text    PRIMARY KEY,
    owner   text    NOT NULL REFERENCES users (key) ON DELETE CASCADE,
    body    text    NOT NULL,
    created bigint  NOT NULL
);
CREATE INDEX notes_of_owner ON notes (owner, created);

CREATE TABLE images (
    id      text    PRIMARY KEY,
    owner   text    NOT NULL REFERENCES users (key) ON DELETE CASCADE,
    name    text    NOT NULL,
    kind    text    NOT NULL CHECK (kind IN ('png', 'jpeg', 'gif')),
    width   bigint  NOT NULL,
    height  bigint  NOT NULL,
    size    bigint  NOT NULL,
    created bigint  NOT NULL
);
CREATE INDEX images_of_owner ON images (owner, created);

CREATE TABLE sessions (
    hash    text    PRIMARY KEY,
    owner   text    NOT NULL REFERENCES users (key) ON DELETE CASCADE,
    expires bigint  NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires);
CREATE INDEX sessions_of_owner ON sessions (owner);

-- +goose Down
DROP TABLE sessions;
DROP TABLE images;
DROP TABLE notes;
DROP TABLE users;
