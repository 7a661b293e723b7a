package limits

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// requestPlaces is how many connections are allowed beyond those for streams. The rest of reservedFiles is for Redis,
	// files and the operators' server, which is needed most when all places are taken.
	requestPlaces = 384
	// networkShare is the share of all places that the bare connections of one network may have: an office behind one
	// address works, and one attacker leaves room for all others.
	networkShare = 4
)

// Connections bounds how many connections are open at once, and how many of them one network may have. A connection that
// carries a stream counts for all, but not for its network: streams have limits of their own. It is safe for concurrent use.
type Connections struct {
	log   *slog.Logger
	lines [2]*rate.Limiter // about places, and about addresses
	taken chan struct{}    // holds a token for each open connection

	mu         sync.Mutex // guards all below
	perNetwork int
	exempt     []netip.Prefix
	bare       map[netip.Prefix]int // connections without a stream
	refused    uint64
}

// NewConnections allows most connections; 0: as many as the file limit leaves room for.
func NewConnections(most int, log *slog.Logger) *Connections {
	if most <= 0 {
		most = Files() + requestPlaces
	}
	c := &Connections{
		log: log, lines: [2]*rate.Limiter{rate.NewLimiter(rate.Every(time.Minute), 1), rate.NewLimiter(rate.Every(time.Minute), 1)},
		taken: make(chan struct{}, most), bare: map[netip.Prefix]int{},
	}
	c.Set(0, nil)
	return c
}

// Set bounds the bare connections of one network; 0: a quarter of all. Networks in exempt are proxies, which carry the
// requests of many users, and have no bound. Neither has a loopback address.
func (c *Connections) Set(perNetwork int, exempt []netip.Prefix) {
	if perNetwork <= 0 {
		perNetwork = max(1, cap(c.taken)/networkShare)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.perNetwork, c.exempt = perNetwork, exempt
}

// Trusts reports whether an address is that of a proxy that was exempted by Set.
func (c *Connections) Trusts(remote net.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return contain(c.exempt, addressOf(remote))
}

// addressOf returns the address of a connection; zero: it has none, as a Unix socket.
func addressOf(remote net.Addr) (at netip.Addr) {
	if tcp, ok := remote.(*net.TCPAddr); ok {
		at = tcp.AddrPort().Addr().Unmap()
	}
	return at
}

// Take waits for a free place; false: closed was closed.
func (c *Connections) Take(closed <-chan struct{}) bool {
	select {
	case c.taken <- struct{}{}:
	case <-closed:
		return false
	}
	if n := len(c.taken); n >= cap(c.taken)-cap(c.taken)/10 && c.lines[0].Allow() {
		c.log.Warn("almost all places for connections are taken; when none is left, new connections wait",
			"taken", n, "places", cap(c.taken), "fix", "raise the limit of open files: LimitNOFILE= of the systemd unit, or ulimit -n")
	}
	return true
}

// Give gives a place back.
func (c *Connections) Give() { <-c.taken }

// ConnectionCount are the figures of Connections, in JSON.
type ConnectionCount struct {
	Open    int    `json:"open"`    // with and without streams
	Places  int    `json:"places"`  // how many may be open
	Refused uint64 `json:"refused"` // because their network had too many
}

// Count returns the present figures; nil without c.
func (c *Connections) Count() *ConnectionCount {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return &ConnectionCount{len(c.taken), cap(c.taken), c.refused}
}

// Admit counts a connection that has a place, or refuses it because its network has too many. nil: refused.
func (c *Connections) Admit(remote net.Addr) *Connection {
	conn, at := &Connection{all: c}, addressOf(remote)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !at.IsValid() || at.IsLoopback() || contain(c.exempt, at) {
		return conn
	}
	conn.network = Network(at)
	if c.bare[conn.network] >= c.perNetwork {
		c.refused++
		if c.lines[1].Allow() {
			c.log.Warn("an address has as many connections as one may, so further ones are closed",
				"network", conn.network.String(), "most", c.perNetwork, "refused", c.refused,
				"fix", "if it is a proxy, add it to limits.trusted_proxies; else a firewall can keep it out")
		}
		return nil
	}
	c.bare[conn.network]++
	return conn
}

// Connection is one open connection.
type Connection struct {
	all     *Connections
	network netip.Prefix // zero: without a bound
	streams int          // guarded by all.mu
	ended   bool         // likewise
}

// Stream notes that n more streams are carried by the connection.
func (c *Connection) Stream(n int) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	before := c.streams > 0
	c.streams += n
	if after := c.streams > 0; before != after && !c.ended {
		c.countLocked(!after)
	}
}

// End notes that the server is done with the connection. handedOver: it stays open, and keeps its place until
// [Connections.Give].
func (c *Connection) End(handedOver bool) {
	c.all.mu.Lock()
	if !c.ended && c.streams <= 0 {
		c.countLocked(false)
	}
	c.ended = true
	c.all.mu.Unlock()
	if !handedOver {
		c.all.Give()
	}
}

// countLocked counts the connection as bare, or no longer.
func (c *Connection) countLocked(bare bool) {
	switch {
	case c.network == netip.Prefix{}:
	case bare:
		c.all.bare[c.network]++
	case c.all.bare[c.network] == 1:
		delete(c.all.bare, c.network)
	default:
		c.all.bare[c.network]--
	}
}
