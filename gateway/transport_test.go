package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tmaxmax/go-sse"

	"nudge/version"
)

func TestHTTP10(t *testing.T) {
	r := wire(t, nil)
	r.news("42@124")
	conn, err := r.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /events?project=42 HTTP/1.0\r\nAuthorization: Bearer %s\r\n\r\n", anybody)
	in := bufio.NewReader(conn)
	head := ""
	for !strings.HasSuffix(head, "\r\n\r\n") {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		head += line
	}
	if !strings.HasPrefix(head, "HTTP/1.0 200 ") || strings.Contains(head, "chunked") {
		t.Errorf("%q", head)
	}
	for e, err := range sse.Read(in, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == "version" {
			if e.LastEventID != "42@125" {
				t.Error(e)
			}
			return
		}
		if e.Type == "hello" {
			r.news("42@125")
		}
	}
	t.Error("ended")
}

// A connection on which a stream was refused serves the next request.
func TestKeepAlive(t *testing.T) {
	r := wire(t, nil)
	conn, err := r.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for _, test := range []struct {
		request string
		status  int
	}{
		{"GET /events?project=! HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer " + anybody + "\r\n\r\n", 400},
		{"GET /events?project=42 HTTP/1.1\r\nHost: gw\r\n\r\n", 401},
		{"GET /poll-interval HTTP/1.1\r\nHost: gw\r\n\r\n", 200},
		{"POST /versions HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\n{}", 401},
		{"POST /versions HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer " + anybody + "\r\nContent-Length: 2\r\n\r\n{}", 400},
		{"GET /live HTTP/1.1\r\nHost: gw\r\n\r\n", 200},
	} {
		io.WriteString(conn, test.request)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != test.status {
			t.Errorf("%q: %d", test.request, resp.StatusCode)
		}
	}
}

func TestHTTP2(t *testing.T) {
	r := wire(t, nil)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	r.client = &http.Client{Transport: r.documented(transport)}
	var all []*tap
	for range 20 { // on one connection
		s := r.open("/events?project=42&project=7")
		if s.resp.ProtoMajor != 2 {
			t.Fatal(s.resp.Proto)
		}
		s.next("hello")
		all = append(all, s)
	}
	for i := range 10 {
		r.news(fmt.Sprintf("42@%d", i+1))
		for _, s := range all {
			if e := s.find("version"); e.LastEventID != fmt.Sprintf("42@%d", i+1) {
				t.Fatal(e)
			}
		}
	}
	for _, s := range all[:15] {
		s.leave()
	}
	r.until(func() bool { return r.streams() == 5 })
	r.news("7@1")
	for _, s := range all[15:] {
		if e := s.find("version"); e.LastEventID != "7@1" {
			t.Error(e)
		}
	}
}

// until asks again and again, for what only the kernel's network can bring about.
func (r *rig) until(done func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); !done(); runtime.Gosched() {
		if time.Now().After(deadline) {
			r.t.Fatalf("not within %v", patience)
		}
	}
}

// A reader that does not read costs nothing while others publish, and ends on the newest.
func TestSlowReader(t *testing.T) {
	r := wire(t, nil)
	const projects, each = 20, 1000
	path := "/events?x"
	for p := range projects {
		path += fmt.Sprintf("&project=p-%d", p)
	}
	ctx, cancel := context.WithCancel(context.Background())
	resp, err := r.client.Do(r.request(ctx, http.MethodGet, path, ""))
	if err != nil {
		t.Fatal(err)
	}
	watcher := r.open(path) // who reads, so that it is known when all was delivered
	watcher.next("hello")

	data := []byte(`"` + strings.Repeat("x", 4000) + `"`)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, routines := heap(), runtime.NumGoroutine()
	for v := range each {
		prev := version.Version(v)
		for p := range projects {
			r.publish(version.News{Project: mark(t, fmt.Sprint("p-", p)).Project, Version: prev + 1, Prev: &prev, Data: data})
		}
	}
	for at := map[string]float64{}; !all(at, projects, each); {
		watcher.follow(at)
	}
	if grown := int64(heap()) - int64(before); grown > 16<<20 {
		t.Errorf("%d MiB for 80 MB of news", grown>>20)
	}
	if n := runtime.NumGoroutine(); n > routines+2 {
		t.Errorf("%d goroutines, before it were %d", n, routines)
	}

	slow := newTap(t, resp, cancel)
	slow.next("hello")
	count := 0
	for at := map[string]float64{}; !all(at, projects, each); {
		count += slow.follow(at)
	}
	if count > projects*each*3/4 {
		t.Errorf("%d of %d events were kept for a reader that did not read", count, projects*each)
	}
}

// follow reads one event, and what it says of versions into at. It reports how many advances it told.
func (p *tap) follow(at map[string]float64) (told int) {
	p.t.Helper()
	e, ok := <-p.events
	if !ok {
		p.t.Fatal("the stream ended")
	}
	body := e.json(p.t)
	news := object{}
	switch e.Type {
	case "version":
		told++
		news[body["project"].(string)] = body["version"]
	case "hello":
		news = body["versions"].(object)
	}
	for project, v := range news {
		v := v.(float64)
		if v < at[project] || e.Type == "version" && v == at[project] {
			p.t.Fatalf("%s goes from %v to %v", project, at[project], v)
		}
		at[project] = v
	}
	return told
}

func all(at map[string]float64, projects int, want float64) bool {
	for _, v := range at {
		if v != want {
			return false
		}
	}
	return len(at) == projects
}

func TestConnectionIsCut(t *testing.T) {
	r := wire(t, nil)
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /events?project=42 HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer %s\r\n\r\n", anybody)
	in := bufio.NewReader(conn)
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	r.until(func() bool { return r.streams() == 1 })
	conn.Close() // without a word, and with unread bytes: a reset
	r.until(func() bool { return r.streams() == 0 })
}
