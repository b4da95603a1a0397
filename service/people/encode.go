package people

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
)

// appendJSON writes a person as [json.Marshal] does, to the byte. A list is mostly this, and by
// way of reflection it would take longer than reading the rows. A value that is out of the
// ordinary goes to the original, so what is here stays plain.
func (p *Person) appendJSON(b []byte) ([]byte, error) {
	var err error
	for i := range fields {
		f := &fields[i]
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		b = append(b, separator, '"')
		b = append(b, f.name...)
		b = append(b, '"', ':')
		switch at := f.at(p).(type) {
		case *bool:
			b = strconv.AppendBool(b, *at)
		case *int32:
			b = strconv.AppendInt(b, int64(*at), 10)
		case *float64:
			b, err = appendNumber(b, *at)
		case *string:
			b, err = appendString(b, *at)
		case *uuid.UUID:
			b, err = appendString(b, at.String())
		default:
			b, err = appendMarshalled(b, at)
		}
		if err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendNumber leaves those to the original that have an exponent, or that JSON does not have.
func appendNumber(b []byte, n float64) ([]byte, error) {
	if abs := math.Abs(n); abs >= 1e-6 && abs < 1e21 || n == 0 {
		return strconv.AppendFloat(b, n, 'f', -1, 64), nil
	}
	return appendMarshalled(b, n)
}

// appendString leaves those to the original that have anything to escape, and all beyond ASCII.
func appendString(b []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return appendMarshalled(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"'), nil
}

func appendMarshalled(b []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	return append(b, text...), err
}

// appendPeople writes what stands between the brackets of a list.
func appendPeople(b []byte, entries []Entry) ([]byte, error) {
	var err error
	for i := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = entries[i].appendJSON(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// personBytes is room for most persons in JSON.
const personBytes = 256

// sendPerson answers with a person.
func sendPerson(c *fiber.Ctx, status int, p *Person) error {
	body, err := p.appendJSON(make([]byte, 0, personBytes))
	if err != nil {
		return err
	}
	return sendJSON(c, status, body)
}

// sendPeople answers with a list.
func sendPeople(c *fiber.Ctx, entries []Entry) error {
	body, err := appendPeople(append(make([]byte, 0, personBytes*len(entries)), '['), entries)
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusOK, append(body, ']'))
}

// sendJSON hands over the body: it must not be changed any more.
func sendJSON(c *fiber.Ctx, status int, body []byte) error {
	c.Status(status).Response().Header.SetContentType(fiber.MIMEApplicationJSON)
	c.Response().SetBodyRaw(body)
	return nil
}
