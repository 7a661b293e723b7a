package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// patience bounds every wait of the tests on the wire. Nothing is as slow; a wait ends with its event.
const patience = 40 * time.Second

// busyMost is what a machine that does other things may add to a time: less than what a fault makes of it.
const busyMost = 20 * time.Second

// parks tells whether this gateway parks streams of HTTP/1.x over plain TCP.
const parks = runtime.GOOS == "linux"

// kind is a way in which a stream comes over the wire, and what only that way promises.
type kind struct {
	name      string
	transport func() http.RoundTripper
	crowd     func() http.RoundTripper // for thousands: no goroutines of the client
	prompt    func() http.RoundTripper // for few whose client should not be what waits
	parked    bool                     // not chunked, ends with its connection
	rounds    float64                  // how often a whole crowd may be served before a small project is
}

var kinds = []kind{
	{
		name:      "HTTP/1.1",
		transport: func() http.RoundTripper { return &http.Transport{DisableCompression: true} },
		crowd:     func() http.RoundTripper { return thin{} },
		prompt:    func() http.RoundTripper { return thin{blocks: true} },
		parked:    parks, rounds: rounds,
	},
	{name: "h2c", transport: h2c, crowd: h2c, prompt: h2c, rounds: rounds},
}

// rounds bounds how often a whole crowd may be served before a small project is.
const rounds = 8

func h2c() http.RoundTripper {
	t := &http.Transport{DisableCompression: true, Protocols: new(http.Protocols)}
	t.Protocols.SetUnencryptedHTTP2(true)
	return t
}

// thin is HTTP/1.1, one connection for each request, without a goroutine: the race detector bears 8,128 of them.
type thin struct {
	// blocks makes reads block in the kernel, which wakes them at once. Otherwise Go's poller does, and a
	// process whose CPUs are all busy, with the gateway in it, asks that every 10 ms only.
	blocks bool
}

func (b thin) RoundTrip(req *http.Request) (*http.Response, error) {
	dialled, err := net.Dial("tcp", req.URL.Host)
	if err != nil {
		return nil, err
	}
	conn := dialled.(*net.TCPConn)
	stop := context.AfterFunc(req.Context(), func() {
		conn.CloseRead() // ends a read that blocks, as Close would not
		conn.CloseWrite()
	})
	file := (*os.File)(nil)
	closeAll := func() error {
		stop()
		file.Close() // nil is fine
		return conn.Close()
	}
	var wire io.ReadWriter = conn
	if b.blocks {
		if file, err = conn.File(); err != nil {
			closeAll()
			return nil, err
		}
		file.Fd() // sets it to block
		wire = file
	}
	resp, err := exchange(wire, req)
	if err != nil {
		closeAll()
		return nil, err
	}
	resp.Body = body{resp.Body, closeAll}
	return resp, nil
}

func exchange(conn io.ReadWriter, req *http.Request) (*http.Response, error) {
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(conn), req)
}

// body is closed by closing what is below it, not by reading it to its end.
type body struct {
	io.Reader
	close func() error
}

func (b body) Close() error { return b.close() }

// ear is an open stream. Nobody reads it but who asks it to wait for something.
type ear struct {
	*checker
	resp  *http.Response
	leave context.CancelFunc
	buf   []byte
}

// client is a client for the length of the test.
func client(t testing.TB, transport http.RoundTripper) *http.Client {
	c := &http.Client{Transport: transport}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// hear opens a stream at path, of a status that must be 200.
func (r *rig) hear(client *http.Client, path string, headers ...string) (*ear, error) {
	return r.hearFor(patience, client, path, headers...)
}

// hearFor is hear for a stream that may take longer than patience.
func (r *rig) hearFor(most time.Duration, client *http.Client, path string, headers ...string) (*ear, error) {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	req := r.request(ctx, http.MethodGet, path, "", append([]string{"Accept: text/event-stream"}, headers...)...)
	resp, err := client.Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	e := &ear{checker: newChecker(), resp: resp, buf: make([]byte, 4096)}
	e.leave = func() {
		cancel()
		resp.Body.Close()
	}
	r.t.Cleanup(e.leave)
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	return e, nil
}

// must is for what a test cannot go on without.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// until reads until done says so.
func (e *ear) until(done func() bool) error {
	for !done() {
		n, err := e.resp.Body.Read(e.buf)
		if bad := e.take(e.buf[:n]); bad != nil {
			return bad
		}
		if err != nil && !done() {
			return fmt.Errorf("the stream ended after %v at %v: %w", e.counts, e.versions, err)
		}
	}
	return nil
}

// seen reads until n frames of a kind have come.
func (e *ear) seen(kind string, n int) error {
	return e.until(func() bool { return e.counts[kind] >= n })
}

// at reads until the project is at the version or beyond.
func (e *ear) at(project string, v int64) error {
	return e.until(func() bool { return e.versions[project] >= v })
}

// end reads to the end, which must be clean: no reset, no frame that is not whole, no chunk that is missing.
func (e *ear) end() error {
	for {
		n, err := e.resp.Body.Read(e.buf)
		if bad := e.take(e.buf[:n]); bad != nil {
			return bad
		}
		if err == io.EOF {
			return e.whole()
		}
		if err != nil {
			return fmt.Errorf("the stream ends after %v with an error: %w", e.counts, err)
		}
	}
}

// crowd opens n streams and waits until each has its padding.
func (r *rig) crowd(client *http.Client, n int, path string, headers ...string) []*ear {
	r.t.Helper()
	all := make([]*ear, n)
	r.each(n, func(i int) (err error) {
		if all[i], err = r.hear(client, path, headers...); err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
		return all[i].seen("padding", 1)
	})
	return all
}

// each does something for each of n, some at a time.
func (r *rig) each(n int, do func(int) error) {
	r.t.Helper()
	var group errgroup.Group
	group.SetLimit(32)
	for i := range n {
		group.Go(func() error { return do(i) })
	}
	if err := group.Wait(); err != nil {
		r.t.Fatal(err)
	}
}
