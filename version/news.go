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

// message is News as it stands on the wire, without its project.
type message struct {
	Version *json.RawMessage `json:"version"`
	Prev    *json.RawMessage `json:"prev"`
	Writer  string           `json:"writer"`
	Data    json.RawMessage  `json:"data"`
	Reset   bool             `json:"reset"`
}

// Decode reads a message of p's channel: a bare integer or a JSON object, white space around it
// ignored, unknown fields too. Data that is too long, or comes without prev, is dropped: the version counts.
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
	var m message
	if err := json.Unmarshal(raw, &m); err != nil {
		return News{}, fmt.Errorf("the message is no JSON object of the form {\"version\":124}: %v", err)
	}
	return m.news(p)
}

func (m message) news(p Project) (News, error) {
	if m.Version == nil {
		return News{}, errors.New("version: missing; write {\"version\":124}")
	}
	v, err := ParseVersion(string(*m.Version))
	if err != nil {
		return News{}, fmt.Errorf("version: %w", err)
	}
	n := News{Project: p, Version: v, Writer: m.Writer, Reset: m.Reset}
	if m.Prev != nil {
		prev, err := ParseVersion(string(*m.Prev))
		if err != nil {
			return News{}, fmt.Errorf("prev: %w", err)
		}
		n.Prev = &prev
		n.Data = compact(m.Data)
	}
	if len(n.Writer) > MaxWriter {
		return News{}, fmt.Errorf("writer: %d bytes long; %d is the most", len(n.Writer), MaxWriter)
	}
	return n, nil
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
// refuses data that would be dropped: an HTTP publisher can still be told.
func (n *News) UnmarshalJSON(raw []byte) error {
	var m struct {
		Project *string `json:"project"`
		message
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return fmt.Errorf("%s: a %s where a %s belongs", wrong.Field, wrong.Value, wrong.Type)
		}
		return fmt.Errorf("not an object of the form {\"project\":\"42\",\"version\":124}: %v", err)
	}
	if m.Project == nil {
		return errors.New("project: missing; write {\"project\":\"42\",\"version\":124}")
	}
	p, err := ParseProject(*m.Project)
	if err != nil {
		return fmt.Errorf("project: %w", err)
	}
	got, err := m.news(p)
	if err != nil {
		return err
	}
	if len(m.Data) > 0 && m.Prev == nil {
		return errors.New("data: needs prev, the version that the change was made upon")
	}
	if len(m.Data) > 0 && got.Data == nil {
		return fmt.Errorf("data: longer than %d bytes; publish without it, browsers then poll", MaxData)
	}
	*n = got
	return nil
}
