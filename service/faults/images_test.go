package faults

import (
	"bytes"
	"image"
	"image/png"
	"math/rand/v2"
	"mime/multipart"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// smallPicture is what takes no time to store. It is set by newUploader.
var (
	smallPicture     []byte
	smallPictureOnce sync.Once
)

// noise is a picture that cannot be compressed.
func noise(t testing.TB, side int) []byte {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, side, side))
	dice := rand.New(rand.NewPCG(1, 2))
	for i := range picture.Pix {
		picture.Pix[i] = byte(dice.Uint32()) | 1
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func multipartFile(name string, content []byte) (contentType, body string) {
	var b strings.Builder
	w := multipart.NewWriter(&b)
	part, _ := w.CreateFormFile("file", name) // a strings.Builder does not fail
	part.Write(content)
	w.Close()
	return w.FormDataContentType(), b.String()
}

func (w *writer) upload(name string, content []byte) answer {
	contentType, body := multipartFile(name, content)
	return w.send("POST", "/upload_image", contentType, body, "Cookie", w.cookie)
}

var imageOnPage = regexp.MustCompile(`<a href="(/images/[^"]+)"`)

// images are the paths of the images on the private page.
func (w *writer) images(t testing.TB) (paths []string) {
	t.Helper()
	a := w.send("GET", "/private/", "", "", "Cookie", w.cookie)
	if a.status != 200 {
		t.Errorf("/private/: %d %s", a.status, a.body)
	}
	for _, match := range imageOnPage.FindAllStringSubmatch(a.body, -1) {
		paths = append(paths, match[1])
	}
	return paths
}
