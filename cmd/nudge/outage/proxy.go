package outage

import (
	"context"
	"io"
	"log"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Proxy is a reverse proxy before a gateway. It can hold back the bodies of event streams, like a proxy that buffers answers:
// a stream then looks open, and nothing arrives on it. While the gateway is stopped it answers 502.
type Proxy struct {
	proxy httputil.ReverseProxy

	mu      sync.Mutex            // guards all below
	address string                // of the gateway
	conns   map[net.Conn]struct{} // to the gateway
	held    chan struct{}         // closed when events get through again; nil while they do
}

// NewProxy returns a proxy that lets everything through.
func NewProxy() *Proxy {
	p := &Proxy{conns: map[net.Conn]struct{}{}}
	p.proxy = httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "gateway"})
			r.Out.Host = r.In.Host // by which the gateway knows its own pages
		},
		Transport:      &http.Transport{DialContext: p.dial, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, DisableCompression: true},
		ModifyResponse: p.hold,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "the gateway does not answer", http.StatusBadGateway)
		},
		ErrorLog: log.New(io.Discard, "", 0), // breaks are what this proxy is for
	}
	return p
}

// ServeHTTP forwards a request to the gateway.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.proxy.ServeHTTP(w, r) }

// On tells whether events get through.
func (p *Proxy) On() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held == nil
}

// Set holds events back, or lets them through, those held before included. It never fails.
func (p *Proxy) Set(on bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on && p.held != nil:
		close(p.held)
		p.held = nil
	case !on && p.held == nil:
		p.held = make(chan struct{})
	}
	return nil
}

// dial connects to the gateway, wherever it listens now.
func (p *Proxy) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	p.mu.Lock()
	address := p.address
	p.mu.Unlock()
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	tracked := &conn{Conn: c, proxy: p}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[tracked] = struct{}{}
	return tracked, nil
}

// moved tells where the gateway listens from now on.
func (p *Proxy) moved(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.address = address
}

// cut breaks all connections to the gateway.
func (p *Proxy) cut() {
	p.mu.Lock()
	all := slices.Collect(maps.Keys(p.conns))
	p.mu.Unlock()
	for _, c := range all {
		c.Close()
	}
}

// conn is a connection to the gateway that the proxy can break.
type conn struct {
	net.Conn
	proxy *Proxy
}

func (c *conn) Close() error {
	c.proxy.mu.Lock()
	delete(c.proxy.conns, c)
	c.proxy.mu.Unlock()
	return c.Conn.Close()
}

// hold lets the body of an event stream pass only while events get through.
func (p *Proxy) hold(r *http.Response) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "text/event-stream" {
		r.Body = &body{r.Body, p, r.Request.Context()}
	}
	return nil
}

type body struct {
	io.ReadCloser
	proxy *Proxy
	ctx   context.Context // of the request
}

// Read returns what has arrived as soon as events get through.
func (b *body) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	for {
		b.proxy.mu.Lock()
		held := b.proxy.held
		b.proxy.mu.Unlock()
		if held == nil {
			return n, err
		}
		select {
		case <-held:
		case <-b.ctx.Done():
			return 0, b.ctx.Err()
		}
	}
}
