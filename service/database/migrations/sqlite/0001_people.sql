-- +goose Up
-- seq is the order of arrival; pages follow it, so it must never be given out twice.
CREATE TABLE people (
    seq                        INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid                       TEXT    NOT NULL UNIQUE,
    survived                   INTEGER NOT NULL CHECK (survived IN (0, 1)),
    passenger_class            INTEGER NOT NULL,
    name                       TEXT    NOT NULL CHECK (length(name) <= 100),
    sex                        TEXT    NOT NULL CHECK (sex IN ('male', 'female', 'other')),
    age                        REAL    NOT NULL,
    siblings_or_spouses_aboard INTEGER NOT NULL,
    parents_or_children_aboard INTEGER NOT NULL,
    fare                       REAL    NOT NULL
) STRICT;

-- +goose Down
DROP TABLE people;
