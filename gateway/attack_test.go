package gateway_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"nudge/gateway"
)

// shapes are requests as no browser sends them. None has a body that the server would wait for.
func shapes() map[string]string {
	line := func(target string, headers ...string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: gw\r\n" + strings.Join(append(headers, "Authorization: Bearer "+anybody), "\r\n") + "\r\n\r\n"
	}
	all := map[string]string{
		"CRLF in a project":        line("/versions?project=42%0d%0aSet-Cookie:%20evil=1"),
		"NUL in a project":         line("/versions?project=42%00"),
		"CRLF in a version":        line("/versions?project=42@1%0d%0aevil:%201"),
		"CRLF in a wait":           line("/versions?project=42&wait=1s%0d%0aevil:%201"),
		"CRLF in a path":           line("/%0d%0aSet-Cookie:%20evil=1"),
		"NUL in a path":            line("/events%00?project=42"),
		"dots in a path":           line("/../../etc/passwd"),
		"a shim of another path":   line("/nudge.../../../etc/passwd.js"),
		"an address as a target":   line("http://evil.example/versions?project=42"),
		"CR in a header":           line("/live", "X-Forwarded-For: 1.1.1.1\rSet-Cookie: evil=1"),
		"NUL in a header":          line("/live", "Last-Event-ID: 42@\x00"),
		"CRLF in an origin":        line("/versions?project=42", "Origin: https://evil.example%0d%0aevil:1"),
		"an origin that is long":   line("/versions?project=42", "Origin: https://"+strings.Repeat("e", 30<<10)),
		"a hostile Last-Event-ID":  line("/versions?project=42", "Last-Event-ID: "+strings.Repeat("\xff<script>'\";", 900)),
		"a host with a script":     "GET /live HTTP/1.1\r\nHost: <script>\r\n\r\n",
		"two hosts":                "GET /live HTTP/1.1\r\nHost: gw\r\nHost: evil\r\n\r\n",
		"a project 10,000 times":   line("/versions?" + strings.Repeat("project=42&", 10_000)),
		"10,000 projects":          line("/versions?" + strings.Repeat("project=4&project=2&", 5_000) + "project=!"),
		"10,000 cookies":           line("/versions?project=42", "Cookie: "+strings.Repeat("nudge=x; ", 10_000)),
		"10,000 header names":      "OPTIONS /events HTTP/1.1\r\nHost: gw\r\nOrigin: http://gw\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: " + strings.Repeat("authorization,", 10_000) + "\r\n\r\n",
		"10,000 proxies":           line("/live", "X-Forwarded-For: "+strings.Repeat("10.0.0.1, ", 10_000)),
		"a method with a line":     "GE\x01T /live HTTP/1.1\r\nHost: gw\r\n\r\n",
		"a length and chunks":      "POST /versions HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"two lengths":              "POST /versions HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n" + smuggled,
		"an odd encoding":          "POST /versions HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: xchunked\r\n\r\n" + smuggled,
		"a chunked GET":            "GET /events?project=42 HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"chunks in HTTP/1.0":       "POST /session HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + smuggled,
		"a GET with a length":      "GET /events?project=42 HTTP/1.1\r\nHost: gw\r\nContent-Length: 37\r\n\r\n" + smuggled,
		"white space before colon": "GET /live HTTP/1.1\r\nHost: gw\r\nContent-Length : 5\r\n\r\n" + smuggled,
	}
	// Behind the request for a stream, whose connection leaves the server.
	for name, headers := range map[string]string{
		"a length of 0": "Content-Length: 0", "two lengths of 0": "Content-Length: 0\r\nContent-Length: 0", "a length in a list": "Content-Length: 0, 0",
		"a length with a sign": "Content-Length: +0", "a length in hex": "Content-Length: 0x1", "a length below 0": "Content-Length: -1", "an empty length": "Content-Length: ",
		"no encoding": "Transfer-Encoding: ", "identity": "Transfer-Encoding: identity", "a tab": "Transfer-Encoding:\tchunked", "a vertical tab": "Transfer-Encoding: \vchunked",
		"two encodings": "Transfer-Encoding: chunked, identity", "an encoding twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "a folded line": "X: a\r\n Transfer-Encoding: chunked",
		"a bare CR": "X: a\rTransfer-Encoding: chunked", "a CR more": "X: a\r\r\nTransfer-Encoding: chunked", "a bare LF": "X: a\nTransfer-Encoding: xchunked", "an expectation": "Expect: 100-continue",
		"a WebSocket": "Connection: Upgrade\r\nUpgrade: websocket", "HTTP/2": "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk", "a trailer": "Trailer: Content-Length",
	} {
		all["a stream and "+name] = line("/events?project=42", headers) + "0\r\n\r\n" + smuggled
		all["a stream, "+name+", HTTP/1.0"] = strings.Replace(line("/events?project=42", headers, "Connection: keep-alive"), "HTTP/1.1", "HTTP/1.0", 1) + smuggled
	}
	for _, version := range []string{"HTTP/1.9", "HTTP/1.10", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.1 "} {
		all["a stream in "+version] = strings.Replace(line("/events?project=42"), "HTTP/1.1", version, 1) + smuggled
	}
	return all
}

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\n"

// A request of any shape gets an answer without a trace of what it tried to inject, writes whole lines to the log, and is
// never two requests.
func TestHostileRequests(t *testing.T) {
	r := wire(t, func(o *gateway.Options) { o.Settings.Limits.TrustedProxies = networks("127.0.0.0/8", "10.0.0.0/8") })
	for name, request := range shapes() {
		t.Run(name, func(t *testing.T) {
			conn, err := r.dial()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience))
			wrote := make(chan struct{})
			go func() {
				defer close(wrote)
				io.WriteString(conn, request)
			}()
			in := bufio.NewReader(conn)
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp.Header.Get("Content-Type") == "text/event-stream" { // it ends when this side does
				<-wrote
				conn.(*net.TCPConn).CloseWrite()
			}
			body, err := io.ReadAll(resp.Body)
			if errors.Is(err, syscall.ECONNRESET) { // what was smuggled was still on its way
				err = nil
			}
			if err != nil || resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented && resp.StatusCode != http.StatusHTTPVersionNotSupported {
				t.Errorf("%d, %v", resp.StatusCode, err)
			}
			for header, values := range resp.Header {
				if text := fmt.Sprint(header, values); strings.Contains(strings.ToLower(text), "evil") && header != "Access-Control-Allow-Origin" {
					t.Errorf("injected: %s", text)
				}
			}
			var head strings.Builder
			resp.Header.Write(&head)
			if len(body) > 4<<10 || head.Len() > 4<<10 && !strings.Contains(name, "origin") { // of which a listed one is repeated
				t.Errorf("an answer of %d bytes, with a head of %d", len(body), head.Len())
			}
		})
	}
	r.get("/live")
	log := r.log.String()
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "time=") || strings.Count(line, "time=") != 1 || strings.ContainsAny(line[:len(line)-1], "\x00\r\n") {
			t.Errorf("a broken line: %q", line[:min(len(line), 200)])
		}
		if len(line) > 2<<10 {
			t.Errorf("a line of %d bytes: %s", len(line), line[:100])
		}
	}
	if strings.Contains(log, "/smuggled") {
		t.Error("a smuggled request was served")
	}
	tellsNothing(t, r)
}
