//go:build unix

package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// exchange is a stream, in the hands of its script.
type exchange struct {
	http.ResponseWriter
	request *http.Request
	gateway *faulty
	news    chan object
	ended   chan struct{} // closed by cut
}

// start sends the head of a stream.
func (x *exchange) start() {
	x.Header().Set("Content-Type", "text/event-stream")
	x.WriteHeader(http.StatusOK)
	x.flush()
}

func (x *exchange) flush() { x.ResponseWriter.(http.Flusher).Flush() }

func (x *exchange) raw(text string) {
	io.WriteString(x, text)
	x.flush()
}

func (x *exchange) send(name string, data object) { x.raw(event(name, data)) }

func event(name string, data object) string {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("event: %s\ndata: %s\n\n", name, text)
}

// pass lets time pass, or ends the stream with its page: false.
func (x *exchange) pass(d time.Duration) bool {
	select {
	case <-time.After(x.gateway.virtual(d)):
		return true
	case <-x.ended:
		return false
	case <-x.request.Context().Done():
		return false
	}
}

// run serves a stream as gateways do, through say, for a while; 0: until it ends.
func (x *exchange) run(d time.Duration, say func(name string, data object)) {
	v, _ := x.gateway.newest()
	say("hello", hello(v))
	var end <-chan time.Time
	if d > 0 {
		end = time.After(x.gateway.virtual(d))
	}
	for beat := time.After(x.gateway.virtual(time.Second)); ; {
		select {
		case <-beat:
			say("heartbeat", cadence(nil))
			beat = time.After(x.gateway.virtual(heartbeat))
		case news := <-x.news:
			switch {
			case news["reason"] != nil:
				say("goodbye", news)
				return
			case news["heartbeat_ms"] != nil:
				say("heartbeat", news)
			default:
				say("version", news)
			}
		case <-end:
			return
		case <-x.ended:
			return
		case <-x.request.Context().Done():
			return
		}
	}
}
