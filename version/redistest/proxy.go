//go:build unix

package redistest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"nudge/internal/exectest"
)

// Proxy is a toxiproxy between clients and one server.
type Proxy struct {
	Addr string // what clients connect to

	t    testing.TB
	api  string
	http *http.Client
	last int
}

// Toxic is one thing that goes wrong in one direction, as toxiproxy's documentation names it.
type Toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"` // upstream: to the server; downstream: from it
	Attributes map[string]any `json:"attributes"`
}

// StartProxy starts a proxy that passes everything on.
func StartProxy(t testing.TB, to *Server) *Proxy {
	t.Helper()
	path, err := toxiproxy()
	if err != nil {
		t.Fatal(err)
	}
	apiPort, port := FreePort(t), FreePort(t)
	server := process{path: path, args: []string{"-host", "127.0.0.1", "-port", apiPort}, ready: "Starting Toxiproxy"}
	if err := server.start(); err != nil {
		t.Fatal(err)
	}
	p := &Proxy{
		t: t, Addr: net.JoinHostPort("127.0.0.1", port), api: "http://" + net.JoinHostPort("127.0.0.1", apiPort),
		http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}
	t.Cleanup(server.Kill)
	Until(t, "toxiproxy that answers", func() bool {
		resp, err := p.http.Get(p.api + "/version")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	p.call(http.MethodPost, "/proxies", map[string]any{"name": "redis", "listen": p.Addr, "upstream": to.Addr, "enabled": true})
	return p
}

// toxiproxy is the path of the program, of the version that the tools' module names.
var toxiproxy = sync.OnceValues(func() (string, error) {
	root, err := exectest.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	tools := filepath.Join(strings.TrimSpace(string(root)), ".ci", "tools")
	path, err := exectest.Command("go", "-C", tools, "tool", "-n", "github.com/Shopify/toxiproxy/v2/cmd/server").Output()
	if err != nil {
		return "", fmt.Errorf("build toxiproxy: %w", err)
	}
	return strings.TrimSpace(string(path)), nil
})

// Spoil adds toxics; what returns takes them away again.
func (p *Proxy) Spoil(toxics ...Toxic) (mend func()) {
	p.t.Helper()
	var names []string
	for _, toxic := range toxics {
		p.last++
		name := fmt.Sprint("toxic", p.last)
		names = append(names, name)
		p.call(http.MethodPost, "/proxies/redis/toxics", struct {
			Name string `json:"name"`
			Toxic
		}{name, toxic})
	}
	return func() {
		p.t.Helper()
		for _, name := range names {
			p.call(http.MethodDelete, "/proxies/redis/toxics/"+name, nil)
		}
	}
}

// Enable closes all connections and refuses new ones, or takes them again.
func (p *Proxy) Enable(on bool) {
	p.t.Helper()
	p.call(http.MethodPost, "/proxies/redis", map[string]any{"enabled": on})
}

func (p *Proxy) call(method, path string, body any) {
	p.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequest(method, p.api+path, bytes.NewReader(text))
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := p.http.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode >= 300 {
		p.t.Fatalf("toxiproxy: %s %s: %s %s", method, path, resp.Status, answer)
	}
}
