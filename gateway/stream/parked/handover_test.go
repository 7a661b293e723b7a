package parked

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// serve serves a handler over one pipe, and returns the browser's end. count counts connections that were closed.
func serve(t *testing.T, h http.HandlerFunc) (browser net.Conn, s *http.Server, count func() int) {
	t.Helper()
	browser, server := net.Pipe()
	var mu sync.Mutex
	closed := 0
	l := &Listener{Listener: &once{conn: make(chan net.Conn, 1), closed: make(chan struct{})}, Admit: func(net.Addr) (Watch, bool) {
		return Watch{End: func(handedOver bool) {
			mu.Lock()
			defer mu.Unlock()
			if !handedOver {
				closed++
			}
		}}, true
	}}
	l.Listener.(*once).conn <- server
	s = &http.Server{Handler: h, ConnContext: ConnContext}
	go s.Serve(l)
	t.Cleanup(func() {
		browser.Close()
		s.Close()
		synctest.Wait()
	})
	return browser, s, func() int {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return closed
	}
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

// connOf is the connection of a request. [Of] wants TCP, which a bubble of synctest has not.
func connOf(r *http.Request) *Conn { return r.Context().Value(connKey{}).(*Conn) }

// answer answers with a head alone, as streams do.
func answer(w http.ResponseWriter) {
	w.Header().Set("Transfer-Encoding", "identity")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
}

// handedOver is what a taker got.
type handedOver struct {
	conn net.Conn
	head []byte
}

const request = "GET / HTTP/1.1\r\nHost: gw\r\n\r\n"

// When the handler returns, the connection is the taker's, with the whole head, of which nothing was sent.
func TestHandOver(t *testing.T) {
	for name, sent := range map[string]string{"a request": request, "more than a request": request + "GET"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var taken []handedOver
				browser, s, closed := serve(t, func(w http.ResponseWriter, r *http.Request) {
					connOf(r).HandOver(func(c net.Conn, head []byte) { taken = append(taken, handedOver{c, head}) })
					answer(w)
				})
				if _, err := io.WriteString(browser, sent); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				s.Close() // it is not the server's any more
				if n := closed(); len(taken) != 1 || n != 0 {
					t.Fatalf("taken %d times, %d closed", len(taken), n)
				}
				c := taken[0]
				if head := string(c.head); !strings.HasPrefix(head, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(head, "\r\n\r\n") {
					t.Errorf("%q", head)
				}
				go func() {
					_, _ = c.conn.Write([]byte("event"))
					c.conn.Close()
				}()
				if got, err := io.ReadAll(browser); err != nil || string(got) != "event" {
					t.Errorf("%q, %v", got, err)
				}
			})
		})
	}
}

// A connection that answered a request before can be handed over with the next.
func TestHandOverLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		taken := make(chan handedOver, 1)
		n := 0
		browser, _, closed := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if n++; n == 1 {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			connOf(r).HandOver(func(c net.Conn, head []byte) { taken <- handedOver{c, head} })
			answer(w)
		})
		read := make([]byte, 4096)
		for i := range 2 {
			if _, err := io.WriteString(browser, request); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				if got, err := browser.Read(read); err != nil || !strings.HasPrefix(string(read[:got]), "HTTP/1.1 204") {
					t.Fatalf("%q, %v", read[:got], err)
				}
			}
			synctest.Wait()
		}
		c := <-taken
		if !strings.HasPrefix(string(c.head), "HTTP/1.1 200") {
			t.Errorf("%q", c.head)
		}
		c.conn.Close()
		if closed() != 0 {
			t.Error("it was counted as closed")
		}
	})
}

// The server may be closed while a handler answers. The taker gets the connection all the same, and sees that the head is
// not whole.
func TestServerClosesDuringHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var taken []handedOver
		stop := make(chan struct{})
		browser, s, closed := serve(t, func(w http.ResponseWriter, r *http.Request) {
			connOf(r).HandOver(func(c net.Conn, head []byte) { taken = append(taken, handedOver{c, head}) })
			<-stop
			answer(w)
		})
		if _, err := io.WriteString(browser, request); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.Close()
		synctest.Wait()
		if len(taken) != 1 || len(taken[0].head) != 0 {
			t.Fatalf("%+v", taken)
		}
		taken[0].conn.Close()
		close(stop)
		if n := closed(); len(taken) != 1 || n != 0 || len(taken[0].head) != 0 {
			t.Errorf("taken %d times, %d closed, head %q", len(taken), n, taken[0].head)
		}
	})
}

// What is not handed over is closed and counted, once.
func TestCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c *Conn
		browser, _, closed := serve(t, func(w http.ResponseWriter, r *http.Request) { c = connOf(r) })
		if _, err := io.WriteString(browser, "GET / HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(browser); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 200") {
			t.Errorf("%q, %v", got, err)
		}
		if n := closed(); n != 1 {
			t.Errorf("%d closed", n)
		}
		if err := c.Close(); !errors.Is(err, net.ErrClosed) || closed() != 1 {
			t.Errorf("closed once more: %v", err)
		}
	})
}

// The server reads, writes and closes a connection by several goroutines: see that with -race.
func TestConnFromSeveralGoroutines(t *testing.T) {
	for range 100 {
		browser, server := net.Pipe()
		c := &Conn{Conn: server}
		taken := make(chan handedOver, 1)
		c.HandOver(func(c net.Conn, head []byte) { taken <- handedOver{c, head} })
		var all sync.WaitGroup
		all.Go(func() {
			_, _ = io.WriteString(browser, request)
			browser.Close()
		})
		all.Go(func() { _, _ = io.Copy(io.Discard, struct{ io.Reader }{c}) })
		all.Go(func() {
			for range 10 {
				if n, err := c.Write([]byte("head")); n != 4 || err != nil {
					t.Error(n, err)
				}
			}
		})
		all.Go(func() { c.Close() })
		h := <-taken
		if got := string(h.head); len(got)%4 != 0 || got != strings.Repeat("head", len(got)/4) {
			t.Errorf("%q", got)
		}
		all.Wait()
		h.conn.Close()
	}
}

// What is written after HandOver is kept until Close, in its order.
func TestKeepsTheHead(t *testing.T) {
	browser, server := net.Pipe()
	defer browser.Close()
	c := &Conn{Conn: server}
	var head string
	c.HandOver(func(c net.Conn, kept []byte) {
		head = string(kept)
		c.Close()
	})
	for _, part := range []string{"HTTP/1.1 200 OK\r\n", "A: b\r\n", "\r\n"} {
		if n, err := c.Write([]byte(part)); n != len(part) || err != nil {
			t.Error(n, err)
		}
	}
	c.Close()
	if head != "HTTP/1.1 200 OK\r\nA: b\r\n\r\n" {
		t.Errorf("%q", head)
	}
}

// The server ends a response by closing one side where there are two.
func TestCloseWrite(t *testing.T) {
	browser, server := net.Pipe()
	defer browser.Close()
	defer server.Close()
	if err := (&Conn{Conn: server}).CloseWrite(); err != nil {
		t.Error(err)
	}
	half := halfCloser{Conn: server, err: io.ErrClosedPipe}
	if err := (&Conn{Conn: half}).CloseWrite(); !errors.Is(err, half.err) {
		t.Errorf("%v, and not what the connection says", err)
	}
}

type halfCloser struct {
	net.Conn
	err error
}

func (h halfCloser) CloseWrite() error { return h.err }

// Only plain HTTP/1 over TCP, from a Listener, can be parked.
func TestOf(t *testing.T) {
	tcp := &Conn{Conn: &net.TCPConn{}}
	pipe, other := net.Pipe()
	defer pipe.Close()
	defer other.Close()
	for _, test := range []struct {
		name string
		conn net.Conn
		edit func(*http.Request)
		want *Conn
	}{
		{"HTTP/1.1", tcp, func(*http.Request) {}, tcp},
		{"HTTP/2", tcp, func(r *http.Request) { r.ProtoMajor = 2 }, nil},
		{"TLS", tcp, func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, nil},
		{"no TCP", &Conn{Conn: pipe}, func(*http.Request) {}, nil},
		{"another listener", pipe, func(*http.Request) {}, nil},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		test.edit(r)
		want := test.want
		if !Supported {
			want = nil
		}
		if got := Of(r.WithContext(ConnContext(context.Background(), test.conn))); got != want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
