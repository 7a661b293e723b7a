package sse

import (
	"bytes"
	"errors"
)

// Kind is what an event is, by its name.
type Kind uint8

const (
	Other Kind = iota
	Hello
	Version
	Heartbeat
	Goodbye
)

func kindOf(name []byte) Kind {
	switch string(name) {
	case "hello":
		return Hello
	case "version":
		return Version
	case "heartbeat":
		return Heartbeat
	case "goodbye":
		return Goodbye
	}
	return Other
}

// longestLine limits how much of a line is kept: a hello for 64 projects with the longest names has about 20 kB.
const longestLine = 256 << 10

var errLine = errors.New("a line without an end")

// parser parses a stream of server-sent events, in pieces of any size. Between two pieces it holds memory only for an event
// that has begun.
type parser struct {
	rest   []byte // of a line whose end has not come
	data   []byte // of the event under way
	kind   Kind
	filled bool // data was given, be it empty
	cr     bool // the last line ended in CR: an LF now belongs to it
	skip   bool // the line under way is a comment, of which nothing is kept
}

// feed takes the next piece, and calls emit for each event that ends in it. The data is valid only during emit.
func (e *parser) feed(b []byte, emit func(Kind, []byte)) error {
	for len(b) > 0 {
		if e.cr && b[0] == '\n' {
			b = b[1:]
		}
		if len(b) == 0 {
			e.cr = false
			break
		}
		end := bytes.IndexByte(b, '\n')
		upTo := b
		if end >= 0 {
			upTo = b[:end]
		}
		e.cr = false
		if cr := bytes.IndexByte(upTo, '\r'); cr >= 0 {
			end, e.cr = cr, true
		}
		if end < 0 {
			if err := e.keep(b); err != nil {
				return err
			}
			break
		}
		line := b[:end]
		b = b[end+1:]
		if e.skip {
			e.skip = false
			continue
		}
		if len(e.rest) > 0 {
			line = append(e.rest, line...)
			e.rest = nil
		}
		e.line(line, emit)
	}
	if e.filled { // the data points into the caller's buffer, which is about to change
		e.data = bytes.Clone(e.data)
	}
	return nil
}

// keep remembers the beginning of a line.
func (e *parser) keep(b []byte) error {
	if e.skip || len(e.rest) == 0 && b[0] == ':' {
		e.skip = true
		return nil
	}
	if len(e.rest)+len(b) > longestLine {
		return errLine
	}
	e.rest = append(e.rest, b...)
	return nil
}

// line takes one whole line.
func (e *parser) line(line []byte, emit func(Kind, []byte)) {
	if len(line) == 0 {
		if e.filled {
			emit(e.kind, e.data)
		}
		e.data, e.kind, e.filled = nil, Other, false
		return
	}
	field, value, _ := bytes.Cut(line, []byte{':'})
	value = bytes.TrimPrefix(value, []byte{' '})
	switch string(field) {
	case "event":
		e.kind = kindOf(value)
	case "data":
		if !e.filled {
			e.data, e.filled = value[:len(value):len(value)], true
			return
		}
		e.data = append(append(e.data, '\n'), value...)
		if len(e.data) > longestLine { // an event without an end is as bad as a line without one
			e.data = e.data[:0]
		}
	}
}
