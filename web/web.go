// Package web holds what runs in a browser. The shim is written in TypeScript in src, bundled into dist by .ci/tools/bundle,
// committed and embedded here, so that building Nudge needs Go only.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"path"
	"sync"
)

// The adapters are not here: they import other packages by name, and come with the npm package only.
//
//go:embed dist/nudge*
var dist embed.FS

// packed ends the names of files that hold another after brotli.
const packed = ".br"

// File is a file of the shim as pages load it. What its slices hold is shared by all callers, who do not change it.
type File struct {
	// Name is that of this file in every version of Nudge.
	Name string
	// Hash names the content. It is 12 hexadecimal digits.
	Hash string
	// Type is the media type.
	Type string
	// Content is UTF-8.
	Content []byte
	// Gzip is Content after gzip.
	Gzip []byte
	// Brotli is Content after brotli; nil if that was not made, as for source maps.
	Brotli []byte
}

// Script tells whether pages load the file: others are for those who look into it.
func (f File) Script() bool { return path.Ext(f.Name) == ".js" }

// Hashed is a name that no other content will ever have: nudge.<hash>.js.
func (f File) Hashed() string {
	stem, ext := f.Name[:len(f.Name)-len(path.Ext(f.Name))], path.Ext(f.Name)
	return stem + "." + f.Hash + ext
}

// Integrity is what a page says in the attribute of the same name.
func (f File) Integrity() string {
	sum := sha512.Sum384(f.Content)
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Files are the scripts of the shim, their source maps and their types, by name.
var Files = sync.OnceValue(func() []File {
	entries, err := dist.ReadDir("dist")
	if err != nil {
		panic(err) // embedded: it was there when the program was built
	}
	var files []File
	for _, entry := range entries {
		if path.Ext(entry.Name()) == packed {
			continue
		}
		content, err := dist.ReadFile("dist/" + entry.Name())
		if err != nil {
			panic(err)
		}
		brotli, err := dist.ReadFile("dist/" + entry.Name() + packed)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			panic(err)
		}
		sum := sha256.Sum256(content)
		files = append(files, File{
			Name:    entry.Name(),
			Hash:    hex.EncodeToString(sum[:6]),
			Type:    mediaTypes[path.Ext(entry.Name())],
			Content: content,
			Gzip:    pack(content),
			Brotli:  brotli,
		})
	}
	return files
})

func pack(content []byte) []byte {
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is one that gzip has
	}
	_, _ = w.Write(content) // into memory: it cannot fail
	_ = w.Close()
	return zipped.Bytes()
}
