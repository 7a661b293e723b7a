package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxBody is far above what the longest valid request needs.
const maxBody = 4 << 10

// fields are the named values of a request, whether it came as a form or as a
// JSON object. A value is text; numbers and truth values are their JSON text.
type fields map[string]string

// readFields reads the body, which may hold the known names only.
func readFields(w http.ResponseWriter, r *http.Request, known ...string) (fields, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, problem{
			http.StatusRequestEntityTooLarge, "too-large", "body",
			fmt.Sprintf("body: is larger than %d bytes; send less", maxBody),
		}
	}
	if err != nil {
		return nil, wrong("body", "could not be read to its end; send it again")
	}
	values, err := parseFields(r.Header.Get("Content-Type"), bytes.TrimSpace(body))
	if err != nil {
		return nil, err
	}
	for name := range values {
		if !slices.Contains(known, name) {
			return nil, wrong(name, "is not known here; send "+strings.Join(known, ", "))
		}
	}
	return values, nil
}

func parseFields(contentType string, body []byte) (fields, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	if contentType != "" && err != nil {
		kind = "unreadable"
	}
	switch kind {
	case "application/json":
		return parseJSON(body)
	case "", "application/x-www-form-urlencoded":
		// curl -d '{…}' calls JSON a form.
		if bytes.HasPrefix(body, []byte("{")) {
			return parseJSON(body)
		}
		return parseForm(body)
	}
	return nil, problem{
		http.StatusUnsupportedMediaType, "malformed", "Content-Type",
		"Content-Type: send application/json or application/x-www-form-urlencoded",
	}
}

func parseJSON(body []byte) (fields, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil || raw == nil {
		return nil, wrong("body", `is not a JSON object; send one like {"title":"Write the release note"}`)
	}
	values := make(fields, len(raw))
	for name, value := range raw {
		text := string(value)
		switch text[0] {
		case '"':
			if err := json.Unmarshal(value, &text); err != nil {
				return nil, wrong(name, "is not readable text")
			}
		case '{', '[', 'n':
			return nil, wrong(name, "wants text, a number or true or false")
		}
		values[name] = text
	}
	return values, nil
}

func parseForm(body []byte) (fields, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, wrong("body", "is not a form; send one like title=Write the release note, with % and & escaped")
	}
	values := make(fields, len(form))
	for name, all := range form {
		if len(all) > 1 {
			return nil, wrong(name, "is there more than once; send it once")
		}
		if !utf8.ValidString(all[0]) {
			return nil, wrong(name, "is not UTF-8; send it as UTF-8")
		}
		values[name] = all[0]
	}
	return values, nil
}

// title is the story's title, trimmed.
func (f fields) title() (string, error) {
	title := strings.TrimSpace(f["title"])
	if title == "" {
		return "", wrong("title", "is missing or empty; send one like title=Write the release note")
	}
	if n := utf8.RuneCountInString(title); n > maxTitle {
		return "", wrong("title", fmt.Sprintf("has %d characters; use %d at most", n, maxTitle))
	}
	if strings.ContainsFunc(title, unicode.IsControl) {
		return "", wrong("title", "holds a control character; write it on one line, without tabs")
	}
	return title, nil
}

// column is the column named, or fallback if none is.
func (f fields) column(fallback string) (string, error) {
	id, ok := f["column"]
	if !ok && fallback != "" {
		return fallback, nil
	}
	ids := make([]string, len(columns))
	for i, c := range columns {
		ids[i] = c.ID
	}
	if !slices.Contains(ids, id) {
		return "", wrong("column", "must be one of "+strings.Join(ids, ", "))
	}
	return id, nil
}

// position is a place in a column, counted from 0; last if none is named.
func (f fields) position() (int, error) {
	text, ok := f["position"]
	if !ok {
		return last, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, wrong("position", "must be a whole number from 0, the top of the column")
	}
	return n, nil
}

// writer tags the window that makes a change, so that it knows its own again.
func (f fields) writer() (string, error) {
	tag := f["writer"]
	strange := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-'
	}
	if len(tag) > 32 || strings.ContainsFunc(tag, strange) {
		return "", wrong("writer", "must be at most 32 letters, digits and hyphens")
	}
	return tag, nil
}
