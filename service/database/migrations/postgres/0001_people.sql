-- +goose Up
-- seq is the order of arrival; pages follow it, so it must never be given out twice.
CREATE TABLE people (
    seq                        bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid                       uuid             NOT NULL UNIQUE,
    survived                   boolean          NOT NULL,
    passenger_class            integer          NOT NULL,
    name                       text             NOT NULL CHECK (char_length(name) <= 100),
    sex                        text             NOT NULL CHECK (sex IN ('male', 'female', 'other')),
    age                        double precision NOT NULL,
    siblings_or_spouses_aboard integer          NOT NULL,
    parents_or_children_aboard integer          NOT NULL,
    fare                       double precision NOT NULL
);

-- +goose Down
DROP TABLE people;
