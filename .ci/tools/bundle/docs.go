package main

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Between these lines docs/browser.md has what follows from the scripts.
const (
	begin = "<!-- make bundle writes this -->\n"
	end   = "<!-- up to here -->\n"
)

// docs is docs/browser.md with the sizes and hashes of these scripts.
func docs(web string, files []file) (file, error) {
	name := filepath.Join("..", "..", "docs", "browser.md") // from dist
	old, err := os.ReadFile(filepath.Join(web, "dist", name))
	if err != nil {
		return file{}, err
	}
	before, rest, found := strings.Cut(string(old), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return file{}, fmt.Errorf("%s lacks the lines %q and %q", name, begin, end)
	}
	scripts, adapters := tables(files)
	text := before + begin + "\n" + scripts + "\n" + adapters + "\n" + end + after
	return file{name, []byte(text)}, nil
}

// tables lists the scripts that a gateway serves, and the adapters, which come with the package only.
func tables(files []file) (scripts, adapters string) {
	scripts = "| file | bytes | gzip | brotli | name with hash | integrity |\n|---|---:|---:|---:|---|---|\n"
	adapters = "| adapter | bytes | gzip |\n|---|---:|---:|\n"
	for _, f := range files {
		stem, isScript := strings.CutSuffix(f.name, ".js")
		if !isScript {
			continue
		}
		if !served(f.name) {
			adapters += fmt.Sprintf("| `/%s` | %d | %d |\n", stem, len(f.content), zipped(f.content))
			continue
		}
		short, long := sha256.Sum256(f.content), sha512.Sum384(f.content)
		scripts += fmt.Sprintf("| `%s` | %d | %d | %d | `%s.%s.js` | `sha384-%s` |\n", f.name, len(f.content), zipped(f.content),
			len(compress(f.content)), stem, hex.EncodeToString(short[:6]), base64.StdEncoding.EncodeToString(long[:]))
	}
	return scripts, adapters
}
