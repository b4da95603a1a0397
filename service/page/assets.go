package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/problem"
	"gitlab.com/towpath/towpath/service/workload"
)

//go:embed assets
var assetFiles embed.FS

type asset struct {
	file        string // what the path ends in: name.HASH.ext
	contentType string
	content     []byte
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// Assets are known by name, and served by file. The file's name holds a hash of its content, so
// a browser may keep it for good: another content has another name.
var assetsByName, assetsByFile = loadAssets()

func loadAssets() (byName, byFile map[string]*asset) {
	byName, byFile = map[string]*asset{}, map[string]*asset{}
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic(err) // embedded
	}
	for _, e := range entries {
		content, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		ext := path.Ext(e.Name())
		if contentTypes[ext] == "" {
			panic("page: no content type for " + e.Name())
		}
		hash := sha256.Sum256(content)
		a := &asset{
			file:        strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(hash[:8]) + ext,
			contentType: contentTypes[ext],
			content:     content,
		}
		byName[e.Name()], byFile[a.file] = a, a
	}
	return byName, byFile
}

// Asset gives the path of an embedded file, for templates: {{asset "style.css"}}.
func Asset(name string) (string, error) {
	a := assetsByName[name]
	if a == nil {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return "/assets/" + a.file, nil
}

// Assets is the workload that serves style, script and icon.
func Assets() workload.Workload {
	return workload.Workload{
		Name:   "assets",
		Routes: []workload.Route{{Method: fiber.MethodGet, Path: "/assets/:file", Handler: sendAsset}},
	}
}

func sendAsset(c *fiber.Ctx) error {
	a := assetsByFile[c.Params("file")]
	if a == nil {
		return problem.New(fiber.StatusNotFound, "")
	}
	h := &c.Response().Header
	h.SetContentType(a.contentType)
	h.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	h.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	h.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'")
	c.Response().SetBodyRaw(a.content)
	return nil
}
