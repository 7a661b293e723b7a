package replay

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// looks is how often a balancer asks /ready of a gateway.
const looks = 500 * time.Millisecond

// Balancer is a load balancer within the client: each request goes to a random gateway that is ready. If a gateway refuses the
// connection, the balancer leaves it out at once.
type Balancer struct {
	gateways  []*target
	transport *http.Transport
}

type target struct {
	url   *url.URL
	ready atomic.Bool
}

// NewBalancer balances between the gateways at these URLs. A gateway gets no traffic until /ready answered 200.
func NewBalancer(urls ...string) (*Balancer, error) {
	b := &Balancer{transport: &http.Transport{MaxIdleConnsPerHost: 100, DisableCompression: true}}
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil {
			return nil, err
		}
		b.gateways = append(b.gateways, &target{url: u})
	}
	return b, nil
}

// RoundTrip implements [http.RoundTripper].
func (b *Balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	for {
		g := b.pick()
		if g == nil {
			return nil, errors.New("no gateway is ready; see the logs of the gateways")
		}
		resp, err := b.ask(r, g)
		var op *net.OpError
		if !errors.As(err, &op) || op.Op != "dial" || r.Context().Err() != nil {
			return resp, err
		}
		g.ready.Store(false)
	}
}

func (b *Balancer) ask(r *http.Request, g *target) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = g.url.Scheme, g.url.Host
	r.Host = g.url.Host
	return b.transport.RoundTrip(r)
}

func (b *Balancer) pick() *target {
	var ready []*target
	for _, g := range b.gateways {
		if g.ready.Load() {
			ready = append(ready, g)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	return ready[rand.IntN(len(ready))]
}

// run looks at the gateways again and again.
func (b *Balancer) run(ctx context.Context) {
	for {
		for _, g := range b.gateways {
			g.ready.Store(b.wants(ctx, g))
		}
		if !wait(ctx, time.Now().Add(looks)) {
			return
		}
	}
}

func (b *Balancer) wants(ctx context.Context, g *target) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/ready", nil)
	if err != nil {
		return false
	}
	resp, err := b.ask(r, g)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (b *Balancer) close() { b.transport.CloseIdleConnections() }
