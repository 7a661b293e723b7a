package main

import (
	"bytes"
	"compress/gzip"
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
	served, packed, err := tables(files)
	if err != nil {
		return file{}, err
	}
	text := before + begin + "\n" + served + "\n" + packed + "\n" + end + after
	return file{name, []byte(text)}, nil
}

// tables lists the scripts that a gateway serves, and the adapters, which come with the package only.
func tables(files []file) (served, adapters string, err error) {
	served = "| file | bytes | gzip | name with hash | integrity |\n|---|---:|---:|---|---|\n"
	adapters = "| adapter | bytes | gzip |\n|---|---:|---:|\n"
	for _, f := range files {
		if filepath.Ext(f.name) != ".js" {
			continue
		}
		size, err := packed(f.content)
		if err != nil {
			return "", "", err
		}
		stem := strings.TrimSuffix(f.name, ".js")
		if !strings.HasPrefix(f.name, "nudge") {
			adapters += fmt.Sprintf("| `nudge/%s` | %d | %d |\n", stem, len(f.content), size)
			continue
		}
		short, long := sha256.Sum256(f.content), sha512.Sum384(f.content)
		served += fmt.Sprintf("| `%s` | %d | %d | `%s.%s.js` | `sha384-%s` |\n", f.name, len(f.content), size,
			stem, hex.EncodeToString(short[:6]), base64.StdEncoding.EncodeToString(long[:]))
	}
	return served, adapters, nil
}

func packed(content []byte) (int, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(content); err != nil {
		return 0, err
	}
	err = w.Close()
	return out.Len(), err
}
