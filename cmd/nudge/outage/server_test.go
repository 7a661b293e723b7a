package outage

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// stage is a proxy before a server with a stream at /events, which sends a line whenever send gets one.
type stage struct {
	server *Server
	proxy  *Proxy
	send   chan string
	front  *httptest.Server
}

func newStage(t *testing.T) *stage {
	s := &stage{proxy: NewProxy(), send: make(chan string)}
	handler := http.NewServeMux()
	handler.HandleFunc("GET /live", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "live at ", r.Host) })
	// As a gateway does, it takes the connection over from its server.
	handler.HandleFunc("GET /events", func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n")
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			c.Read(make([]byte, 1))
		}()
		for {
			select {
			case <-gone:
				return
			case line := <-s.send:
				fmt.Fprintln(c, line)
			}
		}
	})
	s.server = &Server{Proxy: s.proxy, Listen: func() (net.Listener, *http.Server, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		return l, &http.Server{Handler: handler}, err
	}}
	if err := s.server.Set(true); err != nil {
		t.Fatal(err)
	}
	s.front = httptest.NewServer(s.proxy)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.server.Run(ctx) }()
	t.Cleanup(func() {
		s.front.CloseClientConnections()
		s.front.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *stage) status(t *testing.T) (int, string) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	r, err := client.Get(s.front.URL + "/live")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(body)
}

// open opens a stream, and returns its lines; the channel is closed when it breaks.
func (s *stage) open(t *testing.T) <-chan string {
	t.Helper()
	r, err := http.Get(s.front.URL + "/events")
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatal(r, err)
	}
	lines := make(chan string, 9)
	go func() {
		defer close(lines)
		defer r.Body.Close()
		for all := bufio.NewScanner(r.Body); all.Scan(); {
			lines <- all.Text()
		}
	}()
	return lines
}

func next(t *testing.T, lines <-chan string) string {
	t.Helper()
	select {
	case line, open := <-lines:
		if !open {
			return "broken"
		}
		return line
	case <-time.After(30 * time.Second):
		t.Fatal("nothing within 30 s")
		return ""
	}
}

func TestServerIsStoppedLikeAKilledProcess(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if status, body := s.status(t); status != http.StatusOK || body != "live at "+s.front.Listener.Addr().String() {
		t.Errorf("at first %d %q; the host must be the proxy's", status, body)
	}
	lines := s.open(t)
	s.send <- "one"
	if got := next(t, lines); got != "one" {
		t.Errorf("the stream has %q", got)
	}
	s.server.Set(false)
	if got := next(t, lines); got != "broken" {
		t.Errorf("the stream goes on with %q", got)
	}
	if status, _ := s.status(t); status != http.StatusBadGateway || s.server.On() {
		t.Errorf("stopped: %d", status)
	}
	if err := s.server.Set(true); err != nil {
		t.Fatal(err)
	}
	if status, _ := s.status(t); status != http.StatusOK || !s.server.On() {
		t.Errorf("back: %d", status)
	}
	lines = s.open(t)
	s.send <- "two"
	if got := next(t, lines); got != "two" {
		t.Errorf("the stream has %q", got)
	}
}

func TestProxySwallowsEventsAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	before := s.open(t)
	s.send <- "one"
	next(t, before)
	s.proxy.Set(false)
	s.proxy.Set(false)
	during := s.open(t) // its head arrives
	s.send <- "two"
	s.send <- "three"
	if status, _ := s.status(t); status != http.StatusOK || s.proxy.On() {
		t.Errorf("other answers are held back: %d", status)
	}
	select {
	case got := <-before:
		t.Errorf("%q got through", got)
	case got := <-during:
		t.Errorf("%q got through", got)
	case <-time.After(100 * time.Millisecond):
	}
	s.proxy.Set(true)
	got := map[string]bool{}
	for range 2 {
		select {
		case line := <-before:
			got[line] = true
		case line := <-during:
			got[line] = true
		case <-time.After(30 * time.Second):
			t.Fatal("nothing within 30 s")
		}
	}
	if !got["two"] || !got["three"] || !s.proxy.On() {
		t.Errorf("after the hold: %v", got)
	}
	// What breaks while it is held back breaks for the page too.
	s.proxy.Set(false)
	s.server.Set(false)
	s.proxy.Set(true)
	if got := next(t, before); got != "broken" {
		t.Errorf("the stream goes on with %q", got)
	}
}

// A visitor may stop the gateway before its Run has begun: that is no error.
func TestStoppedBeforeRun(t *testing.T) {
	t.Parallel()
	s := &Server{Proxy: NewProxy(), Listen: func() (net.Listener, *http.Server, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		return l, &http.Server{}, err
	}}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ended); err == nil {
		t.Error("a server that was never started runs")
	}
	for _, on := range []bool{true, false} {
		if err := s.Set(on); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Run(ended); err != nil {
		t.Error(err)
	}
}
