package listen

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nudge/gateway/limits"
	"nudge/gateway/stream/parked"
)

// serve runs a server whose handler tells the address of the client, and whether its connection can be parked.
func serve(t *testing.T, o Options) *Server {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	o.Places = limits.NewConnections(9, o.Log)
	o.Places.Set(0, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")})
	o.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := " goroutine"
		if parked.Of(r) != nil {
			kind = " parked"
		}
		if r.URL.Path != "/take" {
			io.WriteString(w, r.RemoteAddr+kind)
			return
		}
		parked.Of(r).HandOver(func(c net.Conn, head []byte) {
			c.Write(head)
			io.WriteString(c, "taken")
			c.Close()
		})
		w.(http.Flusher).Flush()
	})
	s, err := Open(o)
	must(t, err)
	done := make(chan error)
	go func() { done <- s.Run() }()
	t.Cleanup(func() {
		s.Stop()
		must(t, <-done)
	})
	return s
}

// ask sends text over a new connection and returns the body of the answer; "": the connection was closed.
func ask(t *testing.T, network, addr, text string) string {
	t.Helper()
	c, err := net.Dial(network, addr)
	must(t, err)
	defer c.Close()
	io.WriteString(c, text)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return ""
	}
	if resp.StatusCode != http.StatusOK {
		return resp.Status
	}
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return string(body)
}

const request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// asParked is how a stream on a plain socket is served here.
func asParked(addr string) string {
	if parked.Supported {
		return addr + " parked"
	}
	return addr + " goroutine"
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nudge.sock")
	l, err := net.Listen("unix", path) // of a process that dies
	must(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	serve(t, Options{Key: "listen", Address: path, SocketMode: 0o620})
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o620 {
		t.Errorf("mode %o, want 620", info.Mode().Perm())
	}
	if got, want := ask(t, "unix", path, request), asParked("127.0.0.1:0"); got != want {
		t.Errorf("answer %q, want %q", got, want)
	}
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, []byte("kept"), 0o600))
	for address, want := range map[string]string{
		path:              "listen: " + path + ": address already in use; choose another address, or stop the program that uses it",
		file:              "listen: " + file + ": there is a file of this name, and it is no socket; choose another path, or remove the file",
		"/nonexistent/no": "choose a path in a directory that exists, and in which this user may write",
		"systemd":         "listen: systemd has passed no such socket (LISTEN_FDS, LISTEN_FDNAMES); start this by a socket unit",
	} {
		if _, err := Open(Options{Key: "listen", Address: address}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", address, err, want)
		}
	}
	if kept, err := os.ReadFile(file); err != nil || string(kept) != "kept" {
		t.Errorf("the file was not kept: %q, %v", kept, err)
	}
}

// A trusted proxy names the client; nobody else may.
func TestProxyHeader(t *testing.T) {
	addr := serve(t, Options{Key: "listen", Address: "127.0.0.1:0", ProxyHeaders: true}).Listener.Addr().String()
	v2 := "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x07\x7f\x00\x00\x01\x03\xe8\x00\x50"
	local := "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	for text, want := range map[string]string{
		"PROXY TCP4 203.0.113.7 127.0.0.1 1000 80\r\n": asParked("203.0.113.7:1000"),
		"PROXY TCP6 2001:db8::7 ::1 1000 80\r\n":       asParked("[2001:db8::7]:1000"),
		v2:                                             asParked("203.0.113.7:1000"),
		"":                                             "400 Bad Request",
		"PROXY TCP4 nonsense\r\n":                      "400 Bad Request",
		"PROXY " + strings.Repeat("x", 300):            "400 Bad Request",
	} {
		if got := ask(t, "tcp", addr, text+request); got != want {
			t.Errorf("%q: answer %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"PROXY UNKNOWN\r\n", local} { // a check of the proxy itself
		if got := ask(t, "tcp", addr, text+request); !strings.HasPrefix(got, "127.0.0.1:") {
			t.Errorf("%q: answer %q, want the proxy's address", text, got)
		}
	}
	if parked.Supported {
		for _, header := range []string{"PROXY TCP4 203.0.113.7 127.0.0.1 1000 80\r\n", v2} {
			const take = "GET /take HTTP/1.0\r\n\r\n"
			if got := ask(t, "tcp", addr, header+take); got != "taken" {
				t.Errorf("%q: answer %q", header+take, got)
			}
		}
	}
	if at := elsewhere(); at != "" { // no proxy
		addr := serve(t, Options{Key: "listen", Address: at + ":0", ProxyHeaders: true}).Listener.Addr().String()
		if got := ask(t, "tcp", addr, request); !strings.HasPrefix(got, at+":") {
			t.Errorf("not a proxy: answer %q", got)
		}
		if got := ask(t, "tcp", addr, "PROXY TCP4 203.0.113.7 127.0.0.1 1000 80\r\n"+request); !strings.HasPrefix(got, "400") {
			t.Errorf("a header of a stranger: answer %q", got)
		}
	}
}

// elsewhere is an address of this machine that is not loopback; "": it has none.
func elsewhere() string {
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			return ip.IP.String()
		}
	}
	return ""
}
