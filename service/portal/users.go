package portal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/page"
	"gitlab.com/towpath/towpath/service/problem"
)

// protectedName is the account that the web app never deletes.
const protectedName = "ADMIN"

func (p *Portal) addUser(v *visit) error {
	form, err := v.fields("id", "pw")
	if err != nil {
		return err
	}
	_, err = AddUser(v.ctx, p.store, p.hasher, p.now(), NewUser{Name: form[0], Password: form[1]})
	var refusal page.Notice
	switch {
	case errors.Is(err, ErrTaken):
		refusal = page.Notice{Text: "The account name already exists.", Field: "id"}
	case errors.Is(err, ErrName):
		refusal = page.Notice{Text: "The account name is invalid.", Field: "id"}
	case errors.Is(err, errPassword):
		refusal = page.Notice{Text: fmt.Sprintf("The password must have 1 to %d bytes.", maxPassword), Field: "pw"}
	case err != nil:
		return err
	default:
		v.leave("user-added")
		return v.back("/admin/")
	}
	refusal.Error = true
	v.notice = &refusal
	return p.showAccounts(v, form[0])
}

// deleteUser removes an account with all that belongs to it. ADMIN stays, and nobody removes the
// account they sit on: so there is always an administrator left.
func (p *Portal) deleteUser(v *visit) error {
	name, err := ParseName(v.param("id"))
	var user User
	if err == nil {
		user, err = p.store.UserByName(v.ctx, name)
	}
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrName):
		return problem.New(fiber.StatusNotFound, "There is no such account; perhaps it is deleted already.")
	case err != nil:
		return err
	case user.Name == protectedName:
		return problem.New(fiber.StatusForbidden, "The account ADMIN cannot be deleted.")
	case user.Key == v.user.Key:
		return problem.New(fiber.StatusForbidden, "You cannot delete your own account.")
	}
	images, err := p.store.DeleteUser(v.ctx, user.Key)
	if errors.Is(err, ErrNotFound) {
		return problem.New(fiber.StatusNotFound, "There is no such account; perhaps it is deleted already.")
	}
	if err != nil {
		return err
	}
	if err := p.files.remove(images...); err != nil {
		p.log.Error("files stay without their images", "error", err)
	}
	v.leave("user-deleted")
	return v.back("/admin/")
}

// NewUser is an account to be.
type NewUser struct {
	Name     string // in any case
	Password string
	Admin    bool
}

// AddUser makes an account and returns it. The error is ErrName or ErrTaken, that of a password
// which is empty or too long, ErrBusy, or that of the store.
func AddUser(ctx context.Context, store Store, hasher *Hasher, now time.Time, n NewUser) (User, error) {
	name, err := ParseName(n.Name)
	if err != nil {
		return User{}, err
	}
	// Before the work of hashing; the store has the last word.
	if _, err := store.UserByName(ctx, name); err == nil {
		return User{}, ErrTaken
	} else if !errors.Is(err, ErrNotFound) {
		return User{}, err
	}
	hash, err := hasher.Hash(ctx, n.Password)
	if err != nil {
		return User{}, err
	}
	user := User{Key: newID(), Name: name, Password: hash, Admin: n.Admin, Created: now}
	return user, store.AddUser(ctx, user)
}

// SeedDemo fills an empty store with two accounts whose passwords everyone knows, each with a
// note. It does nothing, and reports false, when there is any account.
func SeedDemo(ctx context.Context, store Store, hasher *Hasher, now time.Time) (bool, error) {
	// Hashing costs something; the store has the last word.
	if accounts, err := store.Accounts(ctx); err != nil || len(accounts) > 0 {
		return false, err
	}
	var users []User
	var notes []Note
	for _, n := range []NewUser{{"ADMIN", "admin", true}, {"TEST", "123456", false}} {
		hash, err := hasher.Hash(ctx, n.Password)
		if err != nil {
			return false, err
		}
		user := User{Key: newID(), Name: n.Name, Password: hash, Admin: n.Admin, Created: now}
		users = append(users, user)
		notes = append(notes, Note{ID: newID(), Owner: user.Key, Text: "This is a note of user " + n.Name + ".", Created: now})
	}
	return store.AddFirst(ctx, users, notes)
}
