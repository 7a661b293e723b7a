package goroutine

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"

	"nudge/gateway/stream"
	"nudge/gateway/stream/loop"
	"nudge/version"
)

// mostWaiting bounds the bytes that wait for a browser: as much as the kernel would hold. A single longer event is taken too.
const mostWaiting = 16 << 10

// Writer is the line of one stream. The loop leaves bytes in it, and the goroutine of the request writes them.
type Writer struct {
	w        http.ResponseWriter
	rc       *http.ResponseController
	patience time.Duration // how long the browser may read nothing
	begun    bool          // the head of the response was written
	wake     version.Signal
	taken    chan struct{} // closed when a loop has the stream: then tag and notify are set
	closed   chan struct{}
	why      stream.Reason // set before closed is closed

	tag    loop.Tag
	notify func(loop.Event)

	mu       sync.Mutex // guards all below
	parts    [][]byte   // to be written
	size     int        // of parts and of what is being written
	short    bool       // Send took less than it was given
	finished bool       // Send is not called any more
	err      error      // of the first write that failed
	stuck    bool       // err came because the browser read nothing
}

// New returns the writer of a response. patience is how long the browser may read nothing before the line fails.
func New(w http.ResponseWriter, patience time.Duration) *Writer {
	return &Writer{
		w: w, rc: http.NewResponseController(w), patience: patience,
		wake: version.NewSignal(), taken: make(chan struct{}), closed: make(chan struct{}),
	}
}

// Line makes w the line of a stream: see [loop.Arrival].
func (w *Writer) Line(t loop.Tag, notify func(loop.Event)) loop.Line {
	w.tag, w.notify = t, notify
	close(w.taken)
	return w
}

// Serve writes until the loop closes the line, and returns the reason. When ctx ends it tells the loop that the browser has
// gone. The goroutine of the request calls it, after the stream was given to a loop.
func (w *Writer) Serve(ctx context.Context) stream.Reason {
	<-w.taken
	for over := false; !over; {
		select {
		case <-w.closed:
			return w.why
		case <-ctx.Done():
			over = true
		case <-w.wake:
			over = !w.drain()
		}
	}
	w.notify(loop.Event{Tag: w.tag, Gone: true})
	<-w.closed
	return w.why
}

// drain writes all parts. False: a write failed, or everything was written and the line is finished.
func (w *Writer) drain() bool {
	for {
		w.mu.Lock()
		parts := w.parts
		w.parts = nil
		if len(parts) == 0 {
			defer w.mu.Unlock()
			return !w.finished && w.err == nil
		}
		w.mu.Unlock()

		begun := time.Now()
		err := w.write(parts)
		w.mu.Lock()
		w.size = 0
		for _, b := range w.parts {
			w.size += len(b)
		}
		short := w.short
		w.short = false
		if err != nil {
			// The error of a deadline differs from one version of HTTP to the other.
			w.err, w.stuck = err, time.Since(begun) >= w.patience
			w.mu.Unlock()
			return false
		}
		w.mu.Unlock()
		if short {
			w.notify(loop.Event{Tag: w.tag, Writable: true})
		}
	}
}

func (w *Writer) write(parts [][]byte) error {
	if !w.begun {
		w.begun = true
		stream.SetHead(w.w.Header())
		w.w.WriteHeader(http.StatusOK)
	}
	// The deadline is cleared below: if it passed while an HTTP/2 stream is idle, the stream would be reset.
	if err := w.rc.SetWriteDeadline(time.Now().Add(w.patience)); err != nil {
		return err
	}
	for _, b := range parts {
		if _, err := w.w.Write(b); err != nil {
			return err
		}
	}
	if err := w.rc.Flush(); err != nil {
		return err
	}
	return w.rc.SetWriteDeadline(time.Time{})
}

// Send implements [loop.Line].
func (w *Writer) Send(b []byte, shared bool) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.err != nil:
		return 0, w.err
	case len(b) == 0:
		return 0, nil
	case w.size > 0 && w.size+len(b) > mostWaiting:
		w.short = true
		return 0, nil
	}
	if !shared {
		b = bytes.Clone(b)
	}
	w.parts = append(w.parts, b)
	w.size += len(b)
	w.wake.Set()
	return len(b), nil
}

// Watch implements [loop.Line]. The loop gets all events anyway.
func (w *Writer) Watch(loop.Interest) error { return nil }

// Finish implements [loop.Line].
func (w *Writer) Finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finished = true
	w.wake.Set()
}

// Discard implements [loop.Line].
func (w *Writer) Discard() bool { return true }

// Stuck implements [loop.Line].
func (w *Writer) Stuck(error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stuck
}

// Close implements [loop.Line]: it makes Serve return.
func (w *Writer) Close(why stream.Reason) {
	w.why = why
	close(w.closed)
}

// WriteOnce writes a whole stream with these bytes as the response, within limit. It ignores errors, since they mean that the
// browser has gone.
func WriteOnce(rw http.ResponseWriter, b []byte, limit time.Duration) {
	_ = New(rw, limit).write([][]byte{b})
}
