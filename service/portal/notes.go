package portal

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/problem"
)

func (p *Portal) writeNote(v *visit) error {
	form, err := v.fields("text_note_to_take")
	if err != nil {
		return err
	}
	text, err := cleanNote(form[0])
	switch {
	case errors.Is(err, errNoteEmpty):
		v.leave("note-empty")
		return v.back("/private/")
	case err != nil:
		v.leave("note-long")
		return v.back("/private/")
	}
	note := Note{ID: newID(), Owner: v.user.Key, Text: text, Created: p.now()}
	switch err := p.store.AddNote(v.ctx, note, p.quota); {
	case errors.Is(err, ErrQuota):
		v.leave("note-quota")
		return v.back("/private/")
	case err != nil:
		return err
	}
	v.leave("note-added")
	return v.back("/private/")
}

func (p *Portal) deleteNote(v *visit) error {
	note, err := p.store.Note(v.ctx, v.param("id"))
	if err == nil && note.Owner != v.user.Key {
		return problem.New(fiber.StatusUnauthorized, "This note belongs to someone else.")
	}
	if err == nil {
		err = p.store.DeleteNote(v.ctx, note.ID, v.user.Key)
	}
	if errors.Is(err, ErrNotFound) {
		return problem.New(fiber.StatusNotFound, "There is no such note; perhaps it is deleted already.")
	}
	if err != nil {
		return err
	}
	v.leave("note-deleted")
	return v.back("/private/")
}
