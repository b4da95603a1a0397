// People answers three calls of the people register with net/http and encoding/json alone:
//
//	people ADDRESS [DATABASE_URL]
//
// Without a URL it uses the SQLite file in the folder that DATA_DIR names. The pools of
// connections, their settings, what they keep prepared and the statements are those of the
// service, so that what differs is everything around them. It checks nothing, and reads the
// whole list with one statement where the service goes in batches.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"

	"gitlab.com/towpath/towpath/service/database"
)

type person struct {
	UUID                    string  `json:"uuid"`
	Survived                bool    `json:"survived"`
	PassengerClass          int32   `json:"passengerClass"`
	Name                    string  `json:"name"`
	Sex                     string  `json:"sex"`
	Age                     float64 `json:"age"`
	SiblingsOrSpousesAboard int32   `json:"siblingsOrSpousesAboard"`
	ParentsOrChildrenAboard int32   `json:"parentsOrChildrenAboard"`
	Fare                    float64 `json:"fare"`
}

const columns = "uuid, survived, passenger_class, name, sex, age, siblings_or_spouses_aboard, parents_or_children_aboard, fare"

func (p *person) targets() []any {
	return []any{&p.UUID, &p.Survived, &p.PassengerClass, &p.Name, &p.Sex, &p.Age,
		&p.SiblingsOrSpousesAboard, &p.ParentsOrChildrenAboard, &p.Fare}
}

func main() {
	cfg := database.Config{DataDir: os.Getenv("DATA_DIR"), Wait: 10 * time.Second}
	if len(os.Args) > 2 {
		cfg.URL = os.Args[2]
	}
	db, err := database.Open(context.Background(), cfg)
	if err != nil {
		log.Fatal(err)
	}
	h := handlers{
		db:     db,
		all:    db.Rebind("SELECT seq, " + columns + " FROM people WHERE seq > ? ORDER BY seq LIMIT ?"),
		one:    db.Rebind("SELECT " + columns + " FROM people WHERE uuid = ?"),
		insert: db.Rebind("INSERT INTO people (" + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"),
	}
	http.HandleFunc("GET /people", h.list)
	http.HandleFunc("GET /people/{uuid}", h.get)
	http.HandleFunc("POST /people", h.create)
	http.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	log.Fatal(http.ListenAndServe(os.Args[1], nil)) // #nosec G114 -- bare on purpose
}

type handlers struct {
	db               *database.DB
	all, one, insert string
}

func (h handlers) list(w http.ResponseWriter, r *http.Request) {
	rows, err := h.db.Reader().QueryContext(r.Context(), h.all, 0, 1<<30)
	if fails(w, err) {
		return
	}
	defer func() { _ = rows.Close() }() // its error is that of Err
	var seq int64
	var p person
	targets := append([]any{&seq}, p.targets()...)
	var people []person
	for rows.Next() {
		if fails(w, rows.Scan(targets...)) {
			return
		}
		people = append(people, p)
	}
	if fails(w, rows.Err()) {
		return
	}
	answer(w, people)
}

func (h handlers) get(w http.ResponseWriter, r *http.Request) {
	var p person
	row := h.db.Reader().QueryRowContext(r.Context(), h.one, r.PathValue("uuid"))
	if fails(w, row.Scan(p.targets()...)) {
		return
	}
	answer(w, p)
}

func (h handlers) create(w http.ResponseWriter, r *http.Request) {
	var p person
	if fails(w, json.NewDecoder(r.Body).Decode(&p)) {
		return
	}
	if p.UUID == "" {
		p.UUID = uuid.NewString()
	}
	_, err := h.db.Writer().ExecContext(r.Context(), h.insert, p.UUID, p.Survived, int64(p.PassengerClass), p.Name, p.Sex,
		p.Age, int64(p.SiblingsOrSpousesAboard), int64(p.ParentsOrChildrenAboard), p.Fare)
	if fails(w, err) {
		return
	}
	answer(w, p)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client is gone
}

func fails(w http.ResponseWriter, err error) bool {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
	return err != nil
}
