package portal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/page"
	"gitlab.com/towpath/towpath/service/problem"
)

// uploadImage stores the image in the field "file". The body is a stream, and passes through a
// few kilobytes of memory into a file that appears only once all is well.
func (p *Portal) uploadImage(v *visit) error {
	image, message, err := p.receiveImage(v)
	if err != nil {
		return err
	}
	if message != "" {
		v.leave(message)
		return v.back("/private/")
	}
	if err := p.files.keep(image.ID); err != nil {
		p.files.discard(image.ID)
		return noRoom(p, err)
	}
	if err := p.store.AddImage(v.ctx, image, p.quota); err != nil {
		if left := p.files.remove(image.ID); left != nil {
			p.log.Warn("a file without an image is left", "error", left)
		}
		if errors.Is(err, ErrQuota) {
			v.leave("image-quota")
			return v.back("/private/")
		}
		return noRoom(p, err)
	}
	v.leave("image-added")
	return v.back("/private/")
}

// receiveImage reads the form and leaves a file that is not yet visible. What a person did
// wrong is the key of a notice, and then there is no file.
func (p *Portal) receiveImage(v *visit) (image Image, message string, err error) {
	part, body, err := filePart(v)
	if err != nil || part == nil {
		return Image{}, "no-part", err
	}
	name := part.FileName()
	if name == "" {
		return Image{}, "no-file", nil
	}
	promised, ok := kindOfName(name)
	if !ok {
		return Image{}, "wrong-type", nil
	}
	id, size, err := p.files.receive(part)
	switch {
	case errors.Is(err, errTooLarge):
		return Image{}, "", tooLarge()
	case body.err != nil:
		return Image{}, "", unreadable(body.err)
	case isMalformed(err):
		return Image{}, "", unreadable(err)
	case err != nil:
		return Image{}, "", noRoom(p, err)
	}
	found, err := p.judge(id, promised)
	if err != nil {
		p.files.discard(id)
	}
	switch {
	case errors.Is(err, errNotImage):
		return Image{}, "wrong-type", nil
	case errors.Is(err, errDamaged):
		return Image{}, "damaged", nil
	case errors.Is(err, errDimensions):
		return Image{}, "dimensions", nil
	case err != nil:
		return Image{}, "", err
	}
	return Image{
		ID: id, Owner: v.user.Key, Name: cleanName(name), Kind: found.kind,
		Width: found.width, Height: found.height, Size: size, Created: p.now(),
	}, "", nil
}

// judge inspects a received file, which must be of the kind that its name promised.
func (p *Portal) judge(id string, promised kind) (picture, error) {
	file, err := p.files.openPartial(id)
	if err != nil {
		return picture{}, fmt.Errorf("read an image: %w", err)
	}
	defer file.Close()
	found, err := inspect(file)
	if err == nil && found.kind != promised {
		err = errNotImage
	}
	return found, err
}

// watched remembers the error of a body, which is the client's fault and not the store's, and
// ends the body at the limit.
type watched struct {
	r    io.Reader
	left int64
	err  error
}

func (w *watched) Read(b []byte) (int, error) {
	if w.left <= 0 {
		w.err = errTooLarge
		return 0, w.err
	}
	n, err := w.r.Read(b[:min(int64(len(b)), w.left)])
	w.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// filePart finds the field "file" in a multipart form; nil if there is none that is a file.
func filePart(v *visit) (*multipart.Part, *watched, error) {
	media, params, err := mime.ParseMediaType(v.Get(fiber.HeaderContentType))
	if err != nil || media != fiber.MIMEMultipartForm || params["boundary"] == "" {
		return nil, nil, nil //nolint:nilerr // Another media type is no file.
	}
	stream := v.Context().RequestBodyStream()
	if stream == nil {
		stream = bytes.NewReader(v.Body())
	}
	body := &watched{r: stream, left: uploadLimit}
	form := multipart.NewReader(body, params["boundary"])
	for {
		part, err := form.NextRawPart()
		switch {
		case errors.Is(err, io.EOF) && body.err == nil:
			return nil, body, nil
		case err != nil:
			if body.err != nil {
				err = body.err
			}
			return nil, body, unreadable(err)
		}
		_, disposition, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		if _, isFile := disposition["filename"]; err == nil && isFile && part.FormName() == "file" {
			return part, body, nil
		}
	}
}

// isMalformed recognizes what the multipart reader says of a form that ends too early.
func isMalformed(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || err != nil && strings.Contains(err.Error(), "multipart: ")
}

func tooLarge() error {
	return problem.New(fiber.StatusRequestEntityTooLarge, "An image has at most 16 MiB. Nothing was stored.")
}

// unreadable answers a form that broke off or is none.
func unreadable(err error) error {
	var network net.Error
	switch {
	case errors.Is(err, errTooLarge):
		return tooLarge()
	case errors.As(err, &network) && network.Timeout():
		return problem.New(fiber.StatusRequestTimeout, "")
	}
	return problem.New(fiber.StatusBadRequest, "The form could not be read.")
}

// noRoom answers a full store in so many words, and hands any other error on.
func noRoom(p *Portal, err error) error {
	if !errors.Is(err, errFull) && !database.Full(err) {
		return err
	}
	p.log.Error("the store is full", "error", err)
	return problem.New(fiber.StatusInsufficientStorage, "")
}

// ownImage finds an image of the user.
func (p *Portal) ownImage(v *visit) (Image, error) {
	image, err := p.store.Image(v.ctx, v.param("id"))
	switch {
	case errors.Is(err, ErrNotFound):
		return Image{}, noImage()
	case err != nil:
		return Image{}, err
	case image.Owner != v.user.Key:
		return Image{}, problem.New(fiber.StatusUnauthorized, "This image belongs to someone else.")
	}
	return image, nil
}

func noImage() error {
	return problem.New(fiber.StatusNotFound, "There is no such image; perhaps it is deleted already.")
}

// showImage sends an image to its owner. The browser may keep it, but must ask each time whether
// it may still show it: someone else may sit there by then.
func (p *Portal) showImage(v *visit) error {
	image, err := p.ownImage(v)
	if err != nil {
		return err
	}
	tag := `"` + image.ID + `"`
	h := &v.Response().Header
	h.Set(fiber.HeaderCacheControl, "private, no-cache")
	h.Set(fiber.HeaderETag, tag)
	h.Set(fiber.HeaderVary, fiber.HeaderCookie)
	page.Protect(v.Response())
	h.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; sandbox; frame-ancestors 'none'")
	if v.Get(fiber.HeaderIfNoneMatch) == tag {
		v.Status(fiber.StatusNotModified)
		return nil
	}
	file, err := p.files.open(image.ID)
	if err != nil {
		p.log.Error("an image has no file", "image", image.ID, "error", err)
		h.Del(fiber.HeaderETag)
		return noImage()
	}
	h.SetContentType(image.Kind.contentType())
	// Of the two forms of the name the second is for all scripts, and the name is clean already.
	h.Set(fiber.HeaderContentDisposition, "inline; filename*=UTF-8''"+url.PathEscape(image.Name))
	return v.SendStream(file, int(image.Size)) // closed when sent
}

func (p *Portal) deleteImage(v *visit) error {
	image, err := p.ownImage(v)
	if err != nil {
		return err
	}
	// The row first: a row without a file would be a broken image, a file without a row is only
	// a little room lost.
	if err := p.store.DeleteImage(v.ctx, image.ID, v.user.Key); errors.Is(err, ErrNotFound) {
		return noImage()
	} else if err != nil {
		return err
	}
	if err := p.files.remove(image.ID); err != nil {
		p.log.Error("a file stays without its image", "image", image.ID, "error", err)
	}
	v.leave("image-deleted")
	return v.back("/private/")
}
