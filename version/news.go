package version

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	// MaxData is the greatest length of News.Data in bytes, white space taken out.
	MaxData = 8 << 10
	// MaxWriter is the greatest length of News.Writer in bytes.
	MaxWriter = 128
	// maxMessage bounds what is decoded at all: data with generous white space, and the rest.
	maxMessage = 4 * MaxData
)

// News is one advance: Project is now at Version. Only these two are needed.
type News struct {
	Project Project
	Version Version
	Prev    *Version        // the version this change was made upon; nil: not said
	Writer  string          // opaque tag of the tab that made the change, at most MaxWriter bytes
	Data    json.RawMessage // the change itself, compact JSON, at most MaxData bytes; only with Prev
	Reset   bool            // the version may go down: the project was restored from a backup
	Trace   Trace           // of the publisher; gateways record what they do in it
	Sent    time.Time       // by the clock of the publisher; gateways measure from then. Zero: not said
}

// Check returns n with compact Data and without the extras that break a rule, and the first rule that n breaks.
func (n News) Check() (News, error) {
	var err error
	broken := func(format string, args ...any) {
		if err == nil {
			err = fmt.Errorf(format, args...)
		}
	}
	if n.Project == (Project{}) {
		broken("project: %w", errProjectEmpty)
	}
	if !n.Version.valid() {
		broken("version: %d is not from 0 to %d", n.Version, Max)
	}
	if n.Prev != nil && !n.Prev.valid() {
		broken("prev: %d is not from 0 to %d", *n.Prev, Max)
		n.Prev = nil
	}
	if len(n.Writer) > MaxWriter {
		broken("writer: %d bytes long; %d is the most", len(n.Writer), MaxWriter)
		n.Writer = ""
	}
	raw := n.Data
	n.Data = nil
	var compact bytes.Buffer // an SSE data field is one line
	switch {
	case len(raw) == 0:
	case n.Prev == nil:
		broken("data: needs prev, the version that the change was made upon")
	case !utf8.Valid(raw) || json.Compact(&compact, raw) != nil: // gateways would not read the whole message
		broken("data: not JSON in UTF-8")
	case compact.Len() > MaxData:
		broken("data: longer than %d bytes; publish without it, browsers then poll", MaxData)
	default:
		n.Data = compact.Bytes()
	}
	return n, err
}

// Decode reads a message of p's channel: an integer, bare or in quotes, or a JSON object. White space around it and unknown fields are
// ignored. Only the version must be right: extras that break a rule are dropped, since the version alone is news.
func Decode(p Project, raw []byte) (News, error) {
	raw = bytes.Trim(raw, " \t\r\n\v\f")
	if len(raw) > maxMessage {
		return News{}, fmt.Errorf("the message is %d bytes long; %d is the most", len(raw), maxMessage)
	}
	if len(raw) == 0 || raw[0] != '{' {
		v, err := readVersion(raw)
		return News{Project: p, Version: v}, err
	}
	if !utf8.Valid(raw) {
		return News{}, errors.New("the message is not UTF-8")
	}
	var f fields
	if err := json.Unmarshal(raw, &f); err != nil {
		return News{}, fmt.Errorf("the message is no JSON object of the form {\"version\":124}: %v", err)
	}
	n, _, err := f.news(p)
	return n, err
}

// UnmarshalJSON reads {"project":"42","version":124,…}, the form of POST /versions. Unlike [Decode] it refuses extras that
// break a rule, since an HTTP publisher gets an answer.
func (n *News) UnmarshalJSON(raw []byte) error {
	var f fields
	if err := json.Unmarshal(raw, &f); err != nil || f == nil {
		return errors.New(`not an object of the form {"project":"42","version":124}`)
	}
	if !f.given("project") {
		return errors.New(`project: missing; write {"project":"42","version":124}`)
	}
	id := string(f["project"])
	if len(bytes.Trim(f["project"], "-0123456789")) > 0 { // an integer is the text of its digits: many applications have such ids
		var err error
		if id, err = f.text("project"); err != nil {
			return errors.New("project: neither a string in quotes nor an integer")
		}
	}
	p, err := ParseProject(id)
	if err != nil {
		return fmt.Errorf("project: %w", err)
	}
	read, dropped, err := f.news(p)
	if err = cmp.Or(err, dropped); err == nil {
		*n = read
	}
	return err
}

// fields is a JSON object. With a struct, Version and VERSION would be read as version.
type fields map[string]json.RawMessage

// news reads news. Dropped is why an extra was left out.
func (f fields) news(p Project) (n News, dropped, err error) {
	n.Project = p
	if n.Version, err = f.version("version"); err != nil {
		return News{}, nil, err
	}
	if f.given("reset") && json.Unmarshal(f["reset"], &n.Reset) != nil {
		dropped = errors.New("reset: not true or false")
	}
	if f.given("writer") {
		var e error
		n.Writer, e = f.text("writer")
		dropped = cmp.Or(dropped, e)
	}
	if f.given("prev") {
		prev, e := f.version("prev")
		if n.Prev = &prev; e != nil {
			n.Prev, dropped = nil, cmp.Or(dropped, e)
		}
	}
	if f.given("data") {
		n.Data = f["data"]
	}
	if f.given("traceparent") {
		text, _ := f.text("traceparent") // one that cannot be read is none
		n.Trace = ParseTrace(text)
	}
	if f.given("sent_ms") {
		var ms int64
		if json.Unmarshal(f["sent_ms"], &ms) != nil || ms <= 0 {
			dropped = cmp.Or(dropped, errors.New("sent_ms: not milliseconds since 1970"))
		} else {
			n.Sent = time.UnixMilli(ms)
		}
	}
	n, e := n.Check()
	return n, cmp.Or(dropped, e), nil
}

func (f fields) given(name string) bool {
	return len(f[name]) > 0 && string(f[name]) != "null"
}

func (f fields) version(name string) (Version, error) {
	if !f.given(name) {
		return 0, fmt.Errorf("%s: missing; write {\"%[1]s\":124}", name)
	}
	v, err := readVersion(f[name])
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

// readVersion reads a version as JSON has it: an integer, or its digits in quotes, as database drivers give large integers.
func readVersion(raw []byte) (Version, error) {
	if n := len(raw); n > 2 && raw[0] == '"' && raw[n-1] == '"' {
		raw = raw[1 : n-1]
	}
	return ParseVersion(string(raw))
}

func (f fields) text(name string) (s string, err error) {
	if err := json.Unmarshal(f[name], &s); err != nil {
		return "", fmt.Errorf("%s: not a string in quotes", name)
	}
	return s, nil
}

// Message returns the message for the project's channel: a bare integer if n has only a version. [Decode] reads it back.
func (n News) Message() []byte {
	if n.Prev == nil && n.Writer == "" && !n.Reset && n.Trace == "" && n.Sent.IsZero() {
		return strconv.AppendInt(nil, int64(n.Version), 10)
	}
	b := append([]byte(`{"version":`), strconv.FormatInt(int64(n.Version), 10)...)
	b = n.AppendExtras(b)
	if n.Reset {
		b = append(b, `,"reset":true`...)
	}
	if n.Trace != "" {
		b = append(append(append(b, `,"traceparent":"`...), n.Trace...), '"')
	}
	if !n.Sent.IsZero() {
		b = strconv.AppendInt(append(b, `,"sent_ms":`...), n.Sent.UnixMilli(), 10)
	}
	return append(b, '}')
}

// AppendExtras appends ,"prev":… ,"writer":… and ,"data":… as far as n has them: the fields that
// a browser gets in the same form as the gateway did.
func (n News) AppendExtras(b []byte) []byte {
	if n.Prev != nil {
		b = append(b, `,"prev":`...)
		b = strconv.AppendInt(b, int64(*n.Prev), 10)
	}
	if n.Writer != "" {
		writer, _ := json.Marshal(n.Writer) // a string always marshals; what is not UTF-8 is replaced
		b = append(append(b, `,"writer":`...), writer...)
	}
	if n.Prev != nil && n.Data != nil {
		b = append(append(b, `,"data":`...), n.Data...)
	}
	return b
}
