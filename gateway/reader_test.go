package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"nudge/gateway"
)

// stuck opens a stream and never reads it: on a pipe the first write waits.
func (r *rig) stuck(path string) net.Conn {
	r.t.Helper()
	conn, err := r.dial()
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer %s\r\n\r\n", path, anybody); err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// Who takes nothing for two heartbeats and 30 s is dead.
func TestStuckReaderIsEnded(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		conn := r.stuck("/events?project=42")
		defer conn.Close()
		time.Sleep(79 * time.Second)
		if n := r.streams(); n != 1 {
			t.Errorf("%d streams after 79 s", n)
		}
		time.Sleep(2 * time.Second)
		if n := r.streams(); n != 0 {
			t.Errorf("%d streams after 81 s", n)
		}
		if n := r.closed("stuck"); n != 1 {
			t.Errorf("%v counted as stuck", n)
		}
	})
}

// A reader who does not take its answer holds the connection for half a minute, whatever it asked for. On a pipe nothing is
// buffered, so each answer waits for its reader.
func TestSlowReadersOfAnswersAreEnded(t *testing.T) {
	for _, request := range []string{
		"GET /nudge.js.map", "GET /nudge.js", "GET /live", "GET /nothing", "PUT /session", "GET /poll-interval?project=42",
		"GET /versions?project=42", "GET /events", "POST /session", "DELETE /session", "OPTIONS /versions",
	} {
		bubble(t, nil, func(t *testing.T, r *rig) {
			conn, err := r.dial()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: gw\r\n\r\n", request); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(make([]byte, 16)); err != nil {
				t.Fatalf("%s: %v", request, err)
			}
			time.Sleep(31 * time.Second)
			conn.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := io.Copy(io.Discard, conn); err != nil { // an end, and no time-out
				t.Errorf("%s: %v after 31 s", request, err)
			}
		})
	}
	bubble(t, nil, func(t *testing.T, r *rig) {
		conn := r.stuck("/versions?project=42@1&wait=25s")
		defer conn.Close()
		r.news("42@1")
		time.Sleep(50 * time.Second) // its answer comes after 25 s, and has its time from then on
		r.takes(conn, true)
		late := r.stuck("/versions?project=42@1&wait=25s")
		defer late.Close()
		time.Sleep(58 * time.Second)
		r.takes(late, false)
	})
}

// takes reads an answer late.
func (r *rig) takes(conn net.Conn, whole bool) {
	r.t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
	}
	if (err == nil) != whole {
		r.t.Errorf("the answer came whole: %v (%v), want %v", err == nil, err, whole)
	}
}

func TestClientGoesAway(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		all := opened(r, 20)
		if n := r.streams(); n != 20 {
			t.Fatalf("%d streams", n)
		}
		for _, s := range all {
			s.leave()
		}
		synctest.Wait()
		if n := r.streams(); n != 0 {
			t.Errorf("%d streams", n)
		}
		if n := r.metric(`nudge_streams{kind="parked"}`); n != 0 {
			t.Errorf("nudge_streams %v", n)
		}
		if n := r.closed("gone"); n != 20 {
			t.Errorf("%v counted as gone", n)
		}
	})
}

// The connection of a stream that has ended serves other requests, for as long as the browser likes.
func TestConnectionOutlivesItsStream(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Ramp = 0 }, func(t *testing.T, r *rig) {
		conn := r.stuck("/events?project=42")
		defer conn.Close()
		in := bufio.NewReader(conn)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.apply(func(s *gateway.Settings) { s.Flag.Enabled = false })
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		time.Sleep(10 * time.Minute)
		fmt.Fprint(conn, "GET /live HTTP/1.1\r\nHost: gw\r\n\r\n")
		again, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Body.Close()
		if again.StatusCode != 200 {
			t.Error(again.StatusCode)
		}
	})
}
