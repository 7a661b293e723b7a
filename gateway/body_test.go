package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/gateway"
)

// A body that never comes holds neither a connection nor a stream.
func TestBodyNeverComes(t *testing.T) {
	for _, test := range []struct {
		head   string
		status int
		within time.Duration
	}{
		{"GET /live HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", 400, 0},
		{"GET /events?project=42 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + anybody + "\r\nContent-Length: 10\r\n\r\n", 400, 0},
		{"GET /poll-interval HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0},
		{"POST /missed HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + anybody + "\r\nContent-Length: 10\r\n\r\n{", 400, 10 * time.Second},
		{"POST /session HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", 401, 10 * time.Second},
		{"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", 404, 10 * time.Second},
	} {
		bubble(t, nil, func(t *testing.T, r *rig) {
			c, err := r.dial()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			begun := time.Now()
			if _, err := io.WriteString(c, test.head); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatalf("%.30s: %v", test.head, err)
			}
			io.Copy(io.Discard, resp.Body)
			if took := time.Since(begun); resp.StatusCode != test.status || took > test.within {
				t.Errorf("%.30s: %d after %v, want %d within %v", test.head, resp.StatusCode, took, test.status, test.within)
			}
		})
	}
}

// What a refusal was for stands in the log, and the token does not.
func TestRefusalIsLogged(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.get("/events?project=42", "Authorization: Bearer x.y.z")
		for _, want := range []string{"status=401", "refused=invalid", `level=WARN msg="a token is not accepted" check=form error=`} {
			if !strings.Contains(r.log.String(), want) {
				t.Errorf("%s is not in the log:\n%s", want, r.log)
			}
		}
		r.get("/events?project=42", "Authorization: Bearer "+sign(jwt.MapClaims{"exp": 1}))
		if log := r.log.String(); strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, `level=INFO msg="a token is not accepted" check=exp error="it expired `) {
			t.Errorf("a token that has expired is no reason for a warning:\n%s", log)
		}
	})
}

// Strangers cannot fill the log: a path is cut, a few refusals of each code are logged, and the others are summed up.
func TestRefusalsAreSampled(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Log = nil }, func(t *testing.T, r *rig) { r.get("/events") }) // without a log
	var log buffer
	level := func(o *gateway.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) }
	bubble(t, level, func(t *testing.T, r *rig) {
		lines := func(text string) int { return strings.Count(log.String(), text) }
		long := "/events?project=42&x=" + strings.Repeat("x", 20<<10)
		for range 300 {
			r.get(long, nobody)
			r.do("TOKENTOKENTOKENTOKENTOKENTOKEN", "/"+strings.Repeat("y", 20<<10), "", nobody)
			r.post("/missed", "", nobody)
		}
		for range 3 {
			r.get("/events?project=!")
		}
		if n := lines("refused=missing"); n != 10 {
			t.Errorf("%d lines of 600 refusals", n)
		}
		if n := lines("refused=malformed"); n != 3 {
			t.Errorf("%d lines of another code", n)
		}
		if size := len(log.String()); size > 8<<10 {
			t.Errorf("%d bytes of log for 900 requests", size)
		}
		time.Sleep(61 * time.Second)
		if n := lines("more requests were refused"); n != 1 || lines("missing=590") != 1 {
			t.Errorf("%d sums:\n%s", n, log.String())
		}
		r.get("/events?project=42", nobody)
		time.Sleep(time.Minute)
		if lines("refused=missing") != 11 || lines("more requests were refused") != 1 {
			t.Errorf("a minute later:\n%s", log.String())
		}
		for range 30 { // a client that does not stop
			for range 12 {
				r.get("/events?project=42", nobody)
			}
			time.Sleep(time.Minute)
		}
		if n := lines("more requests were refused"); n != 4 || lines("missing=20") != 1 { // at once, after 1 minute, after 10 more
			t.Errorf("%d sums:\n%s", n, log.String())
		}
		time.Sleep(time.Minute)
		if n := lines("more requests were refused"); n != 5 || lines("missing=36") != 1 { // it is over
			t.Errorf("%d sums:\n%s", n, log.String())
		}
	})
	bubble(t, nil, func(t *testing.T, r *rig) { // the level of this log is debug: it has all, with paths that are cut
		for range 20 {
			r.get("/"+strings.Repeat("y", 20<<10), nobody)
			r.get("/events", nobody)
		}
		text := r.log.String()
		if n := strings.Count(text, "refused=missing"); n != 20 || len(text) > 20<<10 {
			t.Errorf("%d lines, %d bytes", n, len(text))
		}
	})
}

// Who sends more than is read gets the answer, and then an end; a reset could overtake the answer.
func TestBodyTooLargeIsNoReset(t *testing.T) {
	r := wire(t, nil)
	conn, err := r.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const size = 2 << 20
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		fmt.Fprintf(conn, "POST /versions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", anybody, size)
		io.WriteString(conn, strings.Repeat("x", size)) // the gateway does not take all of it
	}()
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%s, %v", resp.Status, err)
	}
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("after the answer: %v, want the end", err)
	}
	conn.Close()
	<-sent
}
