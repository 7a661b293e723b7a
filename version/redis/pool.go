package redis

import (
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// clientPool holds a client for each master, made at its first use.
type clientPool struct {
	opt  *Options
	life time.Duration // of a connection; 0: until it breaks

	mu       sync.Mutex // guards all below
	topology topology
	clients  map[string]*redis.Client // by address
}

// of returns the client of the server at addr.
func (p *clientPool) of(addr string) *redis.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clients[addr]
	if c == nil {
		o := p.opt.client(addr)
		o.ConnMaxLifetime = p.life
		c = redis.NewClient(o)
		if p.clients == nil {
			p.clients = map[string]*redis.Client{}
		}
		p.clients[addr] = c
	}
	return c
}

var errNoMaster = errors.New("a part of the Cluster has no master; see CLUSTER INFO")

// serving returns the client of the master that serves this key by topology t.
func (p *clientPool) serving(t topology, key string) (*redis.Client, error) {
	m, ok := t.tagged(key)
	if !ok {
		return nil, errNoMaster
	}
	return p.of(t.masters[m].addr), nil
}

// masters returns the topology in use.
func (p *clientPool) masters() topology {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.topology
}

// use makes t the topology in use, and closes the clients of servers that are not in it.
func (p *clientPool) use(t topology) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.topology = t
	for addr, c := range p.clients {
		if !t.has(addr) {
			c.Close()
			delete(p.clients, addr)
		}
	}
}

// reset closes all clients, and forgets the topology.
func (p *clientPool) reset() { p.use(topology{}) }
