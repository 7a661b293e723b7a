package sse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// stage is how far a response has been read.
type stage uint8

const (
	inHead   stage = iota
	inBody         // which lasts until the connection ends
	inLength       // of a body that was said to be so long
	inSize         // of a chunk
	inExtension
	inChunk
	inChunkEnd
)

const (
	longestHead  = 64 << 10
	largestChunk = 1 << 40
)

var (
	errHead  = errors.New("the answer is not HTTP/1.1")
	errChunk = errors.New("a chunk is malformed")
)

// Response reads a gateway's response on one connection, in pieces of any size: a head, then events, chunked or not.
type Response struct {
	parser
	left  int64 // of the chunk, or the whole body
	stage stage
	sized bool // the chunk's size has a digit
}

// Listener gets the parts of a response. An error of Head ends the reading.
type Listener struct {
	Head  func(Head) error
	Event func(Kind, []byte)
}

// Head is the head of an answer.
type Head struct {
	Status  int
	Type    string // media type, without parameters
	chunked bool
	length  int64  // of the body; -1: not said
	Retry   string // of Retry-After
	Detail  string // of the problem in the body, if it came along
}

// Feed takes the next piece. It returns io.EOF when the body ends before the connection does.
func (a *Response) Feed(b []byte, l *Listener) error {
	for len(b) > 0 {
		switch a.stage {
		case inHead:
			rest, err := a.feedHead(b, l)
			if err != nil {
				return err
			}
			b = rest
		case inBody:
			return a.parser.feed(b, l.Event)
		case inChunk, inLength:
			n := int(min(int64(len(b)), a.left))
			if err := a.parser.feed(b[:n], l.Event); err != nil {
				return err
			}
			b = b[n:]
			a.left -= int64(n)
			if a.left > 0 {
				break
			}
			if a.stage == inLength {
				return io.EOF
			}
			a.stage = inChunkEnd
		default:
			if err := a.feedSize(b[0]); err != nil {
				return err
			}
			b = b[1:]
		}
	}
	return nil
}

// feedSize takes one byte between the data of two chunks.
func (a *Response) feedSize(c byte) error {
	switch {
	case a.stage == inChunkEnd:
		if c == '\n' {
			a.stage, a.left, a.sized = inSize, 0, false
		} else if c != '\r' {
			return errChunk
		}
	case c == '\n':
		if !a.sized {
			return errChunk
		}
		if a.left == 0 {
			return io.EOF // trailers, if any, hold no events
		}
		a.stage = inChunk
	case a.stage == inExtension || c == '\r':
	case c == ';' || c == ' ' || c == '\t':
		a.stage = inExtension
	default:
		digit, ok := hexDigit(c)
		if a.left = a.left<<4 | digit; !ok || a.left > largestChunk {
			return errChunk
		}
		a.sized = true
	}
	return nil
}

func hexDigit(c byte) (int64, bool) {
	switch {
	case '0' <= c && c <= '9':
		return int64(c - '0'), true
	case 'a' <= c && c <= 'f':
		return int64(c-'a') + 10, true
	case 'A' <= c && c <= 'F':
		return int64(c-'A') + 10, true
	}
	return 0, false
}

// feedHead takes a piece of the head, and returns the bytes after it. It keeps the lines of the head in the same buffer as
// later those of the events.
func (a *Response) feedHead(b []byte, l *Listener) (rest []byte, err error) {
	text := b
	if len(a.rest) > 0 {
		text = append(a.rest, b...) // mostly into what rest has room for
	}
	end := headEnd(text)
	if end < 0 {
		if len(text) > longestHead {
			return nil, errHead
		}
		a.rest = append(a.rest, b...)
		return nil, nil
	}
	a.rest = nil
	h, err := parseHead(text[:end])
	if err != nil {
		return nil, err
	}
	if h.Status != 200 {
		h.Detail = problemDetail(text[end:])
	}
	if err := l.Head(h); err != nil {
		return nil, err
	}
	switch {
	case h.chunked:
		a.stage = inSize
	case h.length == 0:
		return nil, io.EOF
	case h.length > 0:
		a.stage, a.left = inLength, h.length
	default:
		a.stage = inBody
	}
	return text[end:], nil
}

// headEnd returns where the body begins; -1 if the head is incomplete. Lines may end in LF alone.
func headEnd(b []byte) int {
	from := 0
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return -1
		}
		from += i + 1
		next := b[from:]
		if len(next) > 0 && next[0] == '\n' {
			return from + 1
		}
		if len(next) > 1 && next[0] == '\r' && next[1] == '\n' {
			return from + 2
		}
	}
}

func parseHead(b []byte) (Head, error) {
	line, fields, _ := bytes.Cut(b, []byte{'\n'})
	protocol, rest, _ := bytes.Cut(bytes.TrimSpace(line), []byte{' '})
	code, _, _ := bytes.Cut(rest, []byte{' '})
	status, err := strconv.Atoi(string(code))
	if err != nil || len(code) != 3 || string(protocol) != "HTTP/1.1" {
		return Head{}, fmt.Errorf("%w: %.40q", errHead, line)
	}
	h := Head{Status: status, length: -1}
	for len(fields) > 0 {
		line, fields, _ = bytes.Cut(fields, []byte{'\n'})
		name, value, _ := bytes.Cut(line, []byte{':'})
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Type")):
			media, _, _ := bytes.Cut(value, []byte{';'})
			h.Type = string(bytes.ToLower(bytes.TrimSpace(media)))
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			h.chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, []byte("Content-Length")):
			if h.length, err = strconv.ParseInt(string(value), 10, 64); err != nil || h.length < 0 {
				return Head{}, fmt.Errorf("%w: length %.20q", errHead, value)
			}
		case bytes.EqualFold(name, []byte("Retry-After")):
			h.Retry = string(value)
		}
	}
	return h, nil
}

// problemDetail finds the detail of a problem document (RFC 9457). The body is short and usually comes with the head. If it
// does not, the status is enough.
func problemDetail(body []byte) string {
	from, to := bytes.IndexByte(body, '{'), bytes.LastIndexByte(body, '}')
	var problem struct{ Detail string }
	if from < 0 || to < from || json.Unmarshal(body[from:to+1], &problem) != nil {
		return ""
	}
	return problem.Detail
}
