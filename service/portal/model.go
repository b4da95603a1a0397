package portal

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Errors of stores. A handler turns them into answers.
var (
	ErrNotFound = errors.New("not found")
	ErrTaken    = errors.New("the account name already exists")
	ErrName     = errors.New("the account name is invalid")
)

// User is an account. Key identifies it for good; Name is what people type, and may come to
// belong to another account after this one is deleted.
type User struct {
	Key      string
	Name     string // upper-case, see ParseName
	Password string // a PHC string, see Hasher
	Admin    bool
	Created  time.Time
}

// Account is a user as administrators see it, with the count of what belongs to it.
type Account struct {
	User
	Notes, Images int
}

// Note is a text of one user.
type Note struct {
	ID, Owner string
	Text      string
	Created   time.Time
}

// Image is a picture of one user. Its content is a file named by ID.
type Image struct {
	ID, Owner     string
	Name          string // as it was uploaded, cleaned by cleanName
	Kind          kind
	Width, Height int   // pixels
	Size          int64 // bytes
	Created       time.Time
}

// newID makes a key that nobody can guess or get twice: 130 random bits.
func newID() string { return strings.ToLower(rand.Text()) }

// maxName is the most characters of an account name.
const maxName = 64

// ParseName gives the one form of an account name: upper-case. Names are ASCII letters, digits
// and ._@+-, so that no two look alike, each fits into a path, and upper-casing has no
// surprises.
func ParseName(text string) (string, error) {
	if text == "" || len(text) > maxName {
		return "", ErrName
	}
	for _, b := range []byte(text) {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', strings.IndexByte("._@+-", b) >= 0:
		default:
			return "", ErrName
		}
	}
	return strings.ToUpper(text), nil
}

// maxNote is the most characters of a note.
const maxNote = 20_000

var (
	errNoteEmpty = errors.New("the note is empty")
	errNoteLong  = errors.New("the note is too long")
)

// cleanNote makes a text fit to store: valid UTF-8 without control characters but tab and new
// line. PostgreSQL takes no NUL, and the others have no meaning on a page.
func cleanNote(text string) (string, error) {
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	text = strings.ReplaceAll(text, "\r\n", "\n") // what forms send
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
	text = strings.TrimRightFunc(text, unicode.IsSpace)
	switch {
	case strings.TrimSpace(text) == "":
		return "", errNoteEmpty
	case utf8.RuneCountInString(text) > maxNote:
		return "", errNoteLong
	}
	return text, nil
}

// maxImageName is the most characters of an image's name.
const maxImageName = 100

// cleanName turns a file name into one that is safe to show and to save under: `../../x y.png`
// becomes `x_y.png`. It keeps letters and digits of any script. The result has no folder, no
// leading dot, and is never empty.
func cleanName(name string) string {
	name = strings.ToValidUTF8(name, "")
	name = strings.NewReplacer("/", " ", `\`, " ").Replace(name)
	name = strings.Join(strings.Fields(name), "_")
	name = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Letter, unicode.Mark, unicode.Digit) || strings.ContainsRune("._-", r) {
			return r
		}
		return -1
	}, name)
	name = strings.Trim(name, "._")
	stem, ext := name, ""
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		stem, ext = name[:dot], name[dot:]
	}
	if runes := []rune(stem); len(runes)+utf8.RuneCountInString(ext) > maxImageName {
		stem = string(runes[:max(0, min(len(runes), maxImageName-utf8.RuneCountInString(ext)))])
	}
	if stem == "" {
		stem = "image"
	}
	if utf8.RuneCountInString(ext) > maxImageName/2 {
		ext = ""
	}
	return stem + ext
}
