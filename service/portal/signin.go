package portal

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/problem"
)

// signIn checks a name and a password, and begins a session.
func (p *Portal) signIn(v *visit) error {
	form, err := v.fields("id", "pw")
	if err != nil {
		return err
	}
	id, password := form[0], form[1]
	name, invalid := ParseName(id)
	if invalid != nil {
		name = "" // limited like any other, and found nowhere
	}
	account, address := "account "+name, "address "+addressKey(v.IP())
	now := p.now()
	// Taken before the password is looked at, so that attempts at the same moment count too.
	if wait := p.addrs.take(address, now); wait > 0 {
		return tooMany(v, wait)
	}
	if wait := p.accounts.take(account, now); wait > 0 {
		return tooMany(v, wait)
	}
	forgive := func() {
		p.addrs.giveBack(address)
		p.accounts.giveBack(account)
	}

	user, err := p.store.UserByName(v.ctx, name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		forgive()
		return err
	}
	right, err := p.hasher.Verify(v.ctx, user.Password, password) // the same work when there is no user
	if err != nil {
		forgive()
		return err
	}
	if !right {
		v.leave("wrong")
		return v.back("/")
	}
	forgive()
	if err := p.begin(v, user); err != nil {
		return err
	}
	v.leave("welcome")
	return v.back("/")
}

// begin starts a session under a new id, and ends the one the browser had. So an id that someone
// else has planted or seen before is worth nothing afterwards.
func (p *Portal) begin(v *visit, user User) error {
	if err := p.end(v); err != nil {
		return err
	}
	now := p.now()
	if err := p.sessions.Expire(v.ctx, now); err != nil {
		p.log.Warn("expired sessions stay for now", "error", err)
	}
	token := newToken()
	hash, _ := hashToken(token)
	if err := p.sessions.Put(v.ctx, hash, Session{Owner: user.Key, Expires: now.Add(p.lifetime)}); err != nil {
		p.log.Error("a session cannot be kept", "error", err)
		return problem.New(fiber.StatusServiceUnavailable, "Signing in is not possible at the moment. Please try again shortly.")
	}
	setCookie(v.Ctx, sessionCookie(v.Ctx), token, p.lifetime)
	return nil
}

// end ends the session of the request, if it has one.
func (p *Portal) end(v *visit) error {
	hash, ok := hashToken(v.Cookies(sessionCookie(v.Ctx)))
	if !ok {
		return nil
	}
	if err := p.sessions.Delete(v.ctx, hash); err != nil {
		p.log.Error("a session cannot be ended", "error", err)
		return problem.New(fiber.StatusServiceUnavailable, "")
	}
	return nil
}

// signOut ends the session here and in the store: a copy of the cookie is worth nothing.
func (p *Portal) signOut(v *visit) error {
	if v.Method() == fiber.MethodHead {
		return v.back("/") // who only looks does not sign out
	}
	if err := p.end(v); err != nil {
		return err
	}
	setCookie(v.Ctx, sessionCookie(v.Ctx), "", 0)
	if v.user != nil {
		v.leave("bye")
	}
	return v.back("/")
}

func tooMany(v *visit, wait time.Duration) error {
	seconds := int(math.Ceil(wait.Seconds()))
	v.Set(fiber.HeaderRetryAfter, strconv.Itoa(seconds))
	unit := " seconds."
	if seconds == 1 {
		unit = " second."
	}
	return problem.New(fiber.StatusTooManyRequests, strings.Join([]string{
		"There were too many attempts to sign in. Please try again in ", strconv.Itoa(seconds), unit}, ""))
}
