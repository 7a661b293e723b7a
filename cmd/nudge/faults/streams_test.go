//go:build unix

package faults

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// crowd is all streams of a scenario.
type crowd struct {
	readers []*reader
	begun   time.Time
	closing atomic.Bool // from now on it is we who end streams
	reading sync.WaitGroup
	client  *http.Client // of the streams over HTTP/2, all on one connection
}

// reader reads one stream and writes down what it is told.
type reader struct {
	stream // said is guarded by mu
	mu     sync.Mutex
	body   io.Closer
}

const (
	streams        = 500
	multiplexed    = 50 // of these, over HTTP/2, which the gateway serves by goroutines; the others it parks
	dialledAtATime = 16
)

// openCrowd opens all streams, and returns when every one has had its first hello.
func openCrowd(t testing.TB, addr string, begun time.Time) *crowd {
	t.Helper()
	c := &crowd{begun: begun}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	c.client = &http.Client{Transport: &http.Transport{Protocols: protocols, DisableCompression: true}}
	t.Cleanup(c.close)
	var group errgroup.Group
	group.SetLimit(dialledAtATime)
	for i := range streams {
		e := &reader{stream: stream{projects: watched(i)}}
		c.readers = append(c.readers, e)
		first := make(chan struct{})
		group.Go(func() error {
			open := c.parked
			if i%(streams/multiplexed) == 0 {
				open = c.multiplexed
			}
			kind, body, err := open(addr, "/events?project="+strings.Join(e.projects, "&project="))
			if err != nil {
				return err
			}
			e.name, e.body = fmt.Sprintf("%s stream %d", kind, i), body
			c.reading.Go(func() { c.read(e, body, first) })
			select {
			case <-first:
				return nil
			case <-time.After(20 * time.Second):
				return fmt.Errorf("%s: no hello within 20 s", e.name)
			}
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *crowd) parked(addr, path string) (string, io.ReadCloser, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return "", nil, err
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", path, addr); err != nil {
		return "", nil, err
	}
	r := bufio.NewReaderSize(conn, 4<<10)
	resp, err := http.ReadResponse(r, nil)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return "parked", struct {
		io.Reader
		io.Closer
	}{r, conn}, err
}

func (c *crowd) multiplexed(addr, path string) (string, io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return "", nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := c.client.Do(req)
	if err != nil {
		return "", nil, err
	}
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		err = fmt.Errorf("%s: %s %s", path, resp.Proto, resp.Status)
	}
	return "multiplexed", resp.Body, err
}

// read takes down one stream until its end. first is closed after the first hello.
func (c *crowd) read(e *reader, body io.Reader, first chan struct{}) {
	lines := bufio.NewReaderSize(body, 4<<10)
	opened := sync.OnceFunc(func() { close(first) })
	var name event
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			if !c.closing.Load() {
				e.add(said{at: time.Since(c.begun), event: ended})
			}
			return
		}
		if text, ok := bytes.CutPrefix(line, []byte("event: ")); ok {
			name = event(bytes.TrimSpace(text))
		}
		if text, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			e.add(decode(time.Since(c.begun), name, text))
			if name == hello {
				opened()
			}
		}
	}
}

func (e *reader) add(s said) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.said = append(e.said, s)
}

// decode reads an event. What cannot be read counts as the end of the stream.
func decode(at time.Duration, name event, data []byte) said {
	var d struct {
		Push     string           `json:"push"`
		Versions map[string]int64 `json:"versions"`
		Unknown  []string         `json:"unknown"`
		Waiting  []string         `json:"waiting"`
		Project  string           `json:"project"`
		Version  int64            `json:"version"`
		Reset    bool             `json:"reset"`
	}
	if json.Unmarshal(data, &d) != nil {
		name = ended
	}
	return said{
		at: at, event: name, push: d.Push, versions: d.Versions, unknown: d.Unknown, waiting: d.Waiting,
		project: d.Project, version: d.Version, reset: d.Reset,
	}
}

// heard is what all streams were told so far.
func (c *crowd) heard() []stream {
	all := make([]stream, len(c.readers))
	for i, e := range c.readers {
		e.mu.Lock()
		all[i] = e.stream
		e.mu.Unlock()
	}
	return all
}

// all tells whether ok says so of every stream.
func (c *crowd) all(ok func(*stream) bool) bool {
	for _, s := range c.heard() {
		if !ok(&s) {
			return false
		}
	}
	return true
}

// close ends all streams.
func (c *crowd) close() {
	c.closing.Store(true)
	for _, e := range c.readers {
		if e.body != nil {
			e.body.Close()
		}
	}
	c.reading.Wait()
	c.client.CloseIdleConnections()
}
