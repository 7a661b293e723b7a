package gateway_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"nudge/gateway"
)

// line is a raw connection, and the stream on it.
type line struct {
	*net.TCPConn
	in *bufio.Reader
	*ear
}

// knock connects, and sends pieces one after the other, each in a packet of its own.
func (r *rig) knock(pieces ...string) *line {
	r.t.Helper()
	conn, err := r.dial()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	for _, piece := range pieces {
		if _, err := io.WriteString(conn, piece); err != nil {
			r.t.Fatal(err)
		}
	}
	return &line{TCPConn: conn.(*net.TCPConn), in: bufio.NewReader(conn)}
}

// asking is the request for a stream, such as HTTP/1.1 has it.
func asking(proto string, projects ...string) string {
	return fmt.Sprintf("GET /events?project=%s %s\r\nHost: gw\r\nAccept: text/event-stream\r\nAuthorization: Bearer %s\r\n\r\n",
		strings.Join(projects, "&project="), proto, anybody)
}

// hear reads the head of the answer.
func (l *line) hear() error {
	resp, err := http.ReadResponse(l.in, nil)
	if err != nil {
		return fmt.Errorf("the head: %w", err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		return fmt.Errorf("%s, %v", resp.Status, resp.Header)
	}
	l.ear = &ear{checker: newChecker(), resp: resp, leave: func() { l.Close() }, buf: make([]byte, 4096)}
	return nil
}

// greeted reads until the padding.
func (l *line) greeted() error {
	if err := l.hear(); err != nil {
		return err
	}
	return l.seen("padding", 1)
}

var protos = []string{"HTTP/1.0", "HTTP/1.1"}

// off ends all streams with a goodbye.
func (r *rig) off() {
	r.t.Helper()
	r.apply(func(s *gateway.Settings) { s.Flag.Enabled, s.Flag.Ramp = false, 0 })
}

func (r *rig) none() { r.t.Helper(); r.until(func() bool { return r.streams() == 0 }) }

// However a request is cut into packets, its stream begins, is told news, and ends cleanly.
func TestRequestInPieces(t *testing.T) {
	t.Parallel()
	r := wire(t, quiet)
	var all []*line
	for _, proto := range protos {
		request := asking(proto, "42")
		all = append(all, r.knock(request), r.knock(strings.Split(request, "")...))
		for _, cut := range []int{1, 3, 4, 20, strings.Index(request, "\r\n") + 1, strings.Index(request, "Bearer"), len(request) - 3, len(request) - 2, len(request) - 1} {
			all = append(all, r.knock(request[:cut], request[cut:]))
		}
	}
	for _, l := range all {
		if err := l.greeted(); err != nil {
			t.Fatal(err)
		}
		if chunked := len(l.resp.TransferEncoding) > 0; chunked && (parks || l.resp.ProtoMinor == 0) {
			t.Errorf("%s is chunked", l.resp.Proto)
		}
	}
	r.news("42@1")
	for _, l := range all {
		if err := l.at("42", 1); err != nil {
			t.Error(err)
		}
	}
	r.off()
	for _, l := range all {
		if err := l.end(); err != nil || l.goodbye != "off" {
			t.Errorf("%s: %q %v", l.resp.Proto, l.goodbye, err)
		}
		if l.resp.Close {
			l.silent(t)
		}
	}
	r.none()
}

// silent wants nothing more than the end of the connection.
func (l *line) silent(t *testing.T) {
	t.Helper()
	if rest, err := io.ReadAll(l.in); err != nil || len(rest) > 0 {
		t.Errorf("after the stream: %.200q, %v", rest, err)
	}
}

// What is sent after the request never shows up in the stream: that goes on, or ends cleanly, without the
// reset that would take what was sent before it. What follows on the connection then is HTTP.
func TestBytesAfterTheRequest(t *testing.T) {
	t.Parallel()
	const second = "GET /live HTTP/1.1\r\nHost: gw\r\n\r\n"
	for name, test := range map[string]struct{ with, later string }{
		"a second request":          {with: second},
		"half a request":            {with: second[:10]},
		"half a request, then more": {with: second[:10], later: second[10:]},
		"a second request later":    {later: second},
		"another stream":            {with: asking("HTTP/1.1", "7")},
		"another stream later":      {later: asking("HTTP/1.1", "7")},
		"one byte":                  {later: "x"},
		"junk":                      {with: "\x00\xff\r\n\r\n", later: "{}\r\n\r\n"},
		"a lot of junk":             {later: strings.Repeat("junk\r\n", 50_000)},
		"a body":                    {with: "project=42"},
	} {
		for _, proto := range protos {
			t.Run(name+" "+proto, func(t *testing.T) {
				t.Parallel()
				r := wire(t, quiet)
				l := r.knock(asking(proto, "42") + test.with)
				if err := l.greeted(); err != nil {
					t.Fatal(err)
				}
				sent := make(chan struct{})
				go func() { // more than the gateway takes off the wire may not hold the test up
					defer close(sent)
					io.WriteString(l, test.later)
				}()
				r.news("42@1")
				err := l.at("42", 1)
				goes := err == nil
				if !goes && !errors.Is(err, io.EOF) {
					t.Error(err)
				}
				r.off()
				if err := l.end(); err != nil && !l.resetAfterGoodbye() {
					t.Errorf("goes on: %v: %v", goes, err)
				}
				if goes && l.goodbye != "off" && l.goodbye != "rotate" {
					t.Errorf("ends without a goodbye after %v", l.counts)
				}
				l.follows(t)
				l.Close()
				<-sent
				r.none()
			})
		}
	}
}

// resetAfterGoodbye is what Go's server may do to HTTP/1.0 clients that sent more than their request. Parked
// streams do better.
func (l *line) resetAfterGoodbye() bool {
	return !parks && l.resp.ProtoMinor == 0 && l.goodbye != ""
}

// follows wants the end, or answers to what came after the request.
func (l *line) follows(t *testing.T) {
	t.Helper()
	if !l.resp.Close {
		l.CloseWrite() // what was not a whole request will not become one
	}
	for n := 0; ; n++ {
		if _, err := l.in.Peek(1); err == io.EOF || err != nil && n > 0 {
			return // bytes that nobody read may end the connection after an answer that says so
		}
		resp, err := http.ReadResponse(l.in, nil)
		if err != nil || l.resp.Close {
			if !l.resetAfterGoodbye() {
				t.Errorf("after the stream: %v, %v", resp, err)
			}
			return
		}
		io.Copy(io.Discard, resp.Body)
	}
}

// A client that has said its last word is gone, though it could still read: its stream ends and its
// connection is closed.
func TestHalfClosed(t *testing.T) {
	t.Parallel()
	for _, proto := range protos {
		t.Run(proto, func(t *testing.T) {
			r := wire(t, quiet)
			var idle, first []*line
			for range 20 {
				l := r.knock(asking(proto, "42"))
				if err := l.greeted(); err != nil {
					t.Fatal(err)
				}
				idle = append(idle, l)
			}
			for _, l := range idle {
				l.CloseWrite()
			}
			r.none()
			for range 20 {
				l := r.knock(asking(proto, "42"))
				l.CloseWrite()
				first = append(first, l)
			}
			for _, l := range idle {
				if err := l.end(); err != nil {
					t.Error(err)
				}
				l.silent(t)
			}
			for _, l := range first {
				head, err := l.in.Peek(1)
				if err == nil && head[0] == 'H' {
					err = l.hear()
				}
				if err == nil {
					err = l.end()
				}
				if err != nil && err != io.EOF {
					t.Error(err)
				}
			}
			r.none()
		})
	}
}

// A client that goes is noticed, however it goes and however early; nothing of it stays.
func TestClientsGo(t *testing.T) {
	t.Parallel()
	const each = 60
	for _, proto := range protos {
		t.Run(proto, func(t *testing.T) {
			r := wire(t, quiet)
			request := asking(proto, "42")
			for i := range each {
				for _, reset := range []bool{false, true} {
					for _, text := range []string{"", request[:i], request} {
						l := r.knock(text)
						if text == request && i%2 == 0 {
							if err := l.greeted(); err != nil {
								t.Fatal(err)
							}
						}
						if reset {
							l.SetLinger(0)
						}
						l.Close()
					}
				}
			}
			// A whole request that was followed by an orderly close is always read, and half of the others were greeted.
			r.until(func() bool { return r.closed("gone") >= each*3/2 })
			r.none()
			r.apply(func(s *gateway.Settings) { s.Limits.Streams = 1 })
			if err := r.knock(request).greeted(); err != nil {
				t.Errorf("a stream of those who have gone is still counted: %v", err)
			}
		})
	}
}
