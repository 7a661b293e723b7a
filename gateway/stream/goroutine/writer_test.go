package goroutine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nudge/gateway/stream"
	"nudge/gateway/stream/loop"
)

const patience = time.Minute

var tag = loop.Tag{Index: 3, Gen: 4}

// rig is one stream: a server over a pipe, which holds nothing, in a bubble of synctest.
type rig struct {
	*Writer
	t      *testing.T
	client net.Conn
	body   io.Reader // of the response; nil until it has begun
	served chan stream.Reason
	over   bool // the line is closed

	mu     sync.Mutex
	events []loop.Event
}

func inRig(t *testing.T, f func(*testing.T, *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		r := &rig{t: t, client: client, served: make(chan stream.Reason, 1)}
		begun := make(chan struct{})
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			r.Writer = New(w, patience)
			close(begun)
			r.served <- r.Serve(request.Context())
		})}
		l := &once{conn: make(chan net.Conn, 1), closed: make(chan struct{})}
		l.conn <- server
		go s.Serve(l)
		defer s.Close()
		defer client.Close()
		if _, err := client.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		<-begun
		if r.Line(tag, r.notice) != r.Writer {
			t.Error("another line")
		}
		defer func() {
			if !r.over { // the test has failed
				r.Close(stream.Gone)
			}
		}()
		f(t, r)
	})
}

// once is a listener with one connection.
type once struct {
	conn   chan net.Conn
	closed chan struct{}
	close  sync.Once
}

func (o *once) Accept() (net.Conn, error) {
	select {
	case c := <-o.conn:
		return c, nil
	case <-o.closed:
		return nil, net.ErrClosed
	}
}

func (o *once) Close() error {
	o.close.Do(func() { close(o.closed) })
	return nil
}
func (o *once) Addr() net.Addr { return &net.TCPAddr{} }

func (r *rig) notice(e loop.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// send sends text, and returns whether it was taken: all or nothing.
func (r *rig) send(text string) bool {
	r.t.Helper()
	n, err := r.Send([]byte(text), false)
	if err != nil || n != 0 && n != len(text) {
		r.t.Fatalf("%d of %d bytes: %v", n, len(text), err)
	}
	return n == len(text)
}

// read reads so many bytes of the body.
func (r *rig) read(n int) string {
	r.t.Helper()
	if r.body == nil {
		response, err := http.ReadResponse(bufio.NewReader(r.client), nil)
		if err != nil {
			r.t.Fatal(err)
		}
		if got := response.Header.Get("Content-Type"); response.StatusCode != 200 || got != "text/event-stream" {
			r.t.Errorf("%s, %s", response.Status, got)
		}
		r.body = response.Body
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.body, b); err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait()
	return string(b)
}

// want fails the test if other events than these came since the last time.
func (r *rig) want(events ...loop.Event) {
	r.t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if fmt.Sprint(r.events) != fmt.Sprint(events) {
		r.t.Fatalf("events %+v, want %+v", r.events, events)
	}
	r.events = nil
}

// end closes the line, as a loop does, and waits for Serve.
func (r *rig) end(why stream.Reason) {
	r.t.Helper()
	synctest.Wait()
	select {
	case got := <-r.served:
		r.t.Fatalf("ended before the line was closed: %s", got)
	default:
	}
	r.over = true
	r.Close(why)
	if got := <-r.served; got != why {
		r.t.Errorf("ended because it is %s, want %s", got, why)
	}
}

var (
	gone     = loop.Event{Tag: tag, Gone: true}
	writable = loop.Event{Tag: tag, Writable: true}
)

func TestSend(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		if n, err := r.Send(nil, false); n != 0 || err != nil {
			t.Error(n, err)
		}
		b := []byte("own")
		if _, err := r.Send(b, false); err != nil {
			t.Error(err)
		}
		copy(b, "xxx") // it was copied
		r.send("more")
		if got := r.read(7); got != "ownmore" {
			t.Error(got)
		}
		time.Sleep(10 * patience) // a deadline that passes while nothing is written does no harm
		r.send("late")
		if got := r.read(4); got != "late" {
			t.Error(got)
		}
		if err := r.Watch(loop.OnWritable); err != nil || !r.Discard() || r.Stuck(nil) {
			t.Error("a line without a fault has one")
		}
		r.want()
		r.end(stream.Revoked)
	})
}

func TestSharedBytesAreNotCopied(t *testing.T) {
	w := New(httptest.NewRecorder(), patience)
	b := []byte("shared by all")
	if _, err := w.Send(b, true); err != nil {
		t.Fatal(err)
	}
	if &w.parts[0][0] != &b[0] {
		t.Error("copied")
	}
}

// A browser that does not read makes the writer hold so much and no more. When it reads, the loop is told.
func TestHoldsSoMuch(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		event := string(bytes.Repeat([]byte("x"), 1000))
		held := 0
		for r.send(event) {
			synctest.Wait()
			held += len(event)
		}
		if held != mostWaiting/1000*1000 {
			t.Errorf("%d bytes are held", held)
		}
		if r.send(event) {
			t.Error("took more")
		}
		r.want()
		r.read(held)
		r.want(writable)
		if !r.send(event) || r.read(1000) != event {
			t.Error("takes no more")
		}
		r.want()
		r.end(stream.Rotate)
	})
}

func TestLongEvent(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		long := string(bytes.Repeat([]byte("y"), 3*mostWaiting))
		if !r.send(long) {
			t.Fatal("it never fits")
		}
		synctest.Wait()
		if r.send("z") {
			t.Error("took more")
		}
		if r.read(len(long)) != long {
			t.Error("changed")
		}
		r.want(writable)
		r.end(stream.Drain)
	})
}

// What was sent during a write counts when that write is over.
func TestHoldsSoMuchDuringAWrite(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		a, b := string(bytes.Repeat([]byte("a"), 6<<10)), string(bytes.Repeat([]byte("b"), 10<<10))
		r.send(a)
		synctest.Wait() // a is being written
		if !r.send(b) || r.send("c") {
			t.Fatal("room is not what it was")
		}
		r.read(len(a)) // now b is being written, and nobody reads
		r.want(writable)
		if r.send(b) || !r.send(a) {
			t.Error("what waits is not counted")
		}
		if got := r.read(len(b) + len(a)); got != b+a {
			t.Error("changed")
		}
		r.end(stream.Drain)
	})
}

func TestStuck(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.send("event")
		time.Sleep(patience - time.Second)
		r.want()
		time.Sleep(2 * time.Second)
		r.want(gone)
		if _, err := r.Send([]byte("x"), true); err == nil || !r.Stuck(err) {
			t.Error(err)
		}
		r.end(stream.Stuck)
	})
}

func TestBrowserLeaves(t *testing.T) {
	for name, writes := range map[string]bool{"idle": false, "during a write": true} {
		t.Run(name, func(t *testing.T) {
			inRig(t, func(t *testing.T, r *rig) {
				if writes {
					r.send("event")
					synctest.Wait()
				}
				r.client.Close()
				r.want(gone)
				if r.Stuck(nil) {
					t.Error("a browser that has gone is not stuck")
				}
				r.end(stream.Gone)
			})
		})
	}
}

// After Finish everything is written that waits, and then the loop is told that the line is done.
func TestFinish(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.send("hello")
		synctest.Wait()
		r.send("goodbye")
		r.Finish()
		r.want()
		if got := r.read(12); got != "hellogoodbye" {
			t.Error(got)
		}
		r.want(gone)
		r.end(stream.Drain)
		if rest, err := io.ReadAll(r.body); err != nil || len(rest) > 0 {
			t.Errorf("%q, %v", rest, err)
		}
	})
}

func TestFinishWithNothingLeft(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.send("goodbye")
		r.read(7)
		r.want()
		r.Finish()
		r.want(gone)
		r.end(stream.Expired)
	})
}

// The loop may close a line while it is written to.
func TestCloseDuringAWrite(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.send("event")
		synctest.Wait()
		r.over = true
		r.Close(stream.Revoked)
		r.client.Close()
		if got := <-r.served; got != stream.Revoked {
			t.Error(got)
		}
	})
}

// Everything comes once and in its order, whoever is faster.
func TestOrder(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		const events, length = 5000, 100
		event := func(i int) []byte { return fmt.Appendf(nil, "%*d", length, i) }
		go func() {
			for i := range events {
				for {
					if n, _ := r.Send(event(i), i%2 == 0); n > 0 {
						break
					}
					time.Sleep(time.Millisecond)
				}
			}
			r.Finish()
		}()
		for i := range events {
			if i%700 == 0 {
				time.Sleep(time.Second) // it does not read for a while
			}
			if got := r.read(length); got != string(event(i)) {
				t.Fatalf("%q in the place of %d", got, i)
			}
		}
		synctest.Wait()
		r.end(stream.Drain)
	})
}

func TestWriteOnce(t *testing.T) {
	w := &recorder{ResponseRecorder: httptest.NewRecorder()}
	WriteOnce(w, []byte("event: goodbye\n\n"), patience)
	if got := w.Body.String(); got != "event: goodbye\n\n" || w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" || !w.Flushed {
		t.Errorf("%q, %d, %v", got, w.Code, w.Header())
	}
	// A deadline that passes while an HTTP/2 stream is idle resets the stream.
	if n := len(w.deadlines); n != 2 || time.Until(w.deadlines[0]) > patience || !w.deadlines[1].IsZero() {
		t.Errorf("deadlines %v", w.deadlines)
	}
	w.err = net.ErrClosed
	WriteOnce(w, []byte("nobody hears it"), patience)
}

// After a write that failed nothing more is written, whether the server ends the request or not.
func TestWriteFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &recorder{ResponseRecorder: httptest.NewRecorder(), err: net.ErrClosed}
		r := &rig{t: t, Writer: New(w, patience), served: make(chan stream.Reason, 1)}
		r.Line(tag, r.notice)
		go func() { r.served <- r.Serve(context.Background()) }()
		r.send("event")
		r.want(gone)
		if _, err := r.Send([]byte("x"), false); !errors.Is(err, net.ErrClosed) || r.Stuck(err) {
			t.Error(err)
		}
		r.end(stream.Gone)
	})
}

// recorder is a response that takes deadlines, and may fail.
type recorder struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
	err       error
}

func (r *recorder) SetWriteDeadline(t time.Time) error {
	r.deadlines = append(r.deadlines, t)
	return r.err
}
