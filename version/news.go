package version

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
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
}

// Decode reads a message of p's channel: a bare integer or a JSON object, white space around it
// ignored. Only the version must be right: unknown fields are ignored, and prev, writer and data are dropped
// if they make no sense, since news with less to say is better than none.
func Decode(p Project, raw []byte) (News, error) {
	raw = bytes.Trim(raw, " \t\r\n\v\f")
	if len(raw) > maxMessage {
		return News{}, fmt.Errorf("the message is %d bytes long; %d is the most", len(raw), maxMessage)
	}
	if len(raw) == 0 || raw[0] != '{' {
		v, err := ParseVersion(string(raw))
		return News{Project: p, Version: v}, err
	}
	if !utf8.Valid(raw) {
		return News{}, errors.New("the message is not UTF-8")
	}
	var f fields
	if err := json.Unmarshal(raw, &f); err != nil {
		return News{}, fmt.Errorf("the message is no JSON object of the form {\"version\":124}: %v", err)
	}
	n := News{Project: p}
	var err error
	if n.Version, err = f.version("version"); err != nil {
		return News{}, err
	}
	_ = f.extras(&n) // see above
	return n, nil
}

// fields is a JSON object. A struct would also take its names in other cases, so that an unknown field
// could pass for one of ours.
type fields map[string]json.RawMessage

func (f fields) given(name string) bool {
	return len(f[name]) > 0 && string(f[name]) != "null"
}

func (f fields) version(name string) (Version, error) {
	if !f.given(name) {
		return 0, fmt.Errorf("%s: missing; write {\"%[1]s\":124}", name)
	}
	v, err := ParseVersion(string(f[name]))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

func (f fields) text(name string) (s string, err error) {
	if err := json.Unmarshal(f[name], &s); err != nil {
		return "", fmt.Errorf("%s: not a string in quotes", name)
	}
	return s, nil
}

// extras reads what else n may say. The error names the first field that makes no sense; n is then without it.
func (f fields) extras(n *News) (err error) {
	fault := func(e error) {
		if err == nil {
			err = e
		}
	}
	if f.given("reset") {
		if e := json.Unmarshal(f["reset"], &n.Reset); e != nil {
			fault(errors.New("reset: not true or false"))
		}
	}
	if f.given("writer") {
		writer, e := f.text("writer")
		switch {
		case e != nil:
			fault(e)
		case len(writer) > MaxWriter:
			fault(fmt.Errorf("writer: %d bytes long; %d is the most", len(writer), MaxWriter))
		default:
			n.Writer = writer
		}
	}
	if f.given("prev") {
		if prev, e := f.version("prev"); e != nil {
			fault(e)
		} else {
			n.Prev = &prev
		}
	}
	if f.given("data") && n.Prev == nil {
		fault(errors.New("data: needs prev, the version that the change was made upon"))
	} else if f.given("data") && !utf8.Valid(f["data"]) { // gateways would not read the whole message
		fault(errors.New("data: not UTF-8"))
	} else if f.given("data") {
		if n.Data = compact(f["data"]); n.Data == nil {
			fault(fmt.Errorf("data: longer than %d bytes; publish without it, browsers then poll", MaxData))
		}
	}
	return err
}

// compact takes the white space out of data: an SSE data field is one line. Nil if that is too long.
func compact(data json.RawMessage) json.RawMessage {
	if len(data) == 0 {
		return nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil || b.Len() > MaxData {
		return nil
	}
	return b.Bytes()
}

// Message is what is published on the project's channel: the bare integer where that says it all.
// [Decode] reads it back.
func (n News) Message() []byte {
	if n.Prev == nil && n.Writer == "" && !n.Reset {
		return strconv.AppendInt(nil, int64(n.Version), 10)
	}
	b := append([]byte(`{"version":`), strconv.FormatInt(int64(n.Version), 10)...)
	b = n.AppendExtras(b)
	if n.Reset {
		b = append(b, `,"reset":true`...)
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

// UnmarshalJSON reads {"project":"42","version":124,…}, the form of POST /versions. Unlike [Decode] it
// refuses what would be dropped: an HTTP publisher can still be told.
func (n *News) UnmarshalJSON(raw []byte) error {
	var f fields
	if err := json.Unmarshal(raw, &f); err != nil || f == nil {
		return errors.New(`not an object of the form {"project":"42","version":124}`)
	}
	if !f.given("project") {
		return errors.New(`project: missing; write {"project":"42","version":124}`)
	}
	id, err := f.text("project")
	if err != nil {
		return err
	}
	var got News
	if got.Project, err = ParseProject(id); err != nil {
		return fmt.Errorf("project: %w", err)
	}
	if got.Version, err = f.version("version"); err != nil {
		return err
	}
	if err := f.extras(&got); err != nil {
		return err
	}
	*n = got
	return nil
}
