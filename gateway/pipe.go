package gateway

import (
	"net/http"
	"time"
)

// pipe writes a stream's frames to an HTTP response, and each at once to the network.
type pipe struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	head bool // written
}

func newPipe(w http.ResponseWriter) *pipe {
	return &pipe{w: w, rc: http.NewResponseController(w)}
}

// write writes and flushes b, and gives up after limit.
func (p *pipe) write(b []byte, limit time.Duration) error {
	if !p.head {
		p.head = true
		streamHead(p.w.Header())
		p.w.WriteHeader(http.StatusOK)
	}
	// Cleared again below: a deadline that passes while an HTTP/2 stream is idle resets it.
	if err := p.rc.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	if _, err := p.w.Write(b); err != nil {
		return err
	}
	if err := p.rc.Flush(); err != nil {
		return err
	}
	return p.rc.SetWriteDeadline(time.Time{})
}

// streamHead fills the head of a stream's answer. Proxies are asked not to cache, change or hold it back.
func streamHead(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	h.Set("X-Content-Type-Options", "nosniff")
}
