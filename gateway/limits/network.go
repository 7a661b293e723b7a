package limits

import (
	"math"
	"net/netip"
	"slices"
	"strings"
)

// Caller says who sends a request. All limits tell callers apart by it.
type Caller struct {
	Subject string     // of a valid token; "": it has none, or there is no token
	Address netip.Addr // zero: not known
}

// Name returns the name by which a caller is counted: the subject, else the network.
func (c Caller) Name() string {
	if c.Subject != "" {
		return "subject " + c.Subject
	}
	return c.network()
}

// Key returns the key of Name.
func (c Caller) Key() Key { return KeyOf(c.Name()) }

// SubjectKey returns the key of the subject; [Nobody] without one.
func (c Caller) SubjectKey() Key { return KeyOf(c.Subject) }

const (
	// Tabs is as how many browsers a user counts at most: several tabs, and a phone. A tab that is hidden for a minute has no
	// stream, so few users have more.
	Tabs = 4
	// office is as how many streams a network counts at most whose callers have no subjects.
	office = 64
)

// Counted is a caller as estimates of load count it: in these, one caller must not pass for a crowd.
type Counted struct {
	Key     Key // of the subject, else of the network; [Nobody]: many callers
	Network bool
}

// streams returns as how many streams the caller counts at most.
func (c Counted) streams() int {
	switch {
	case c.Key == Nobody:
		return math.MaxInt
	case c.Network:
		return office
	}
	return Tabs
}

// Counted returns how c is counted. Callers without a subject and behind a proxy that does not say for whom it asks cannot be
// told apart, and count as many.
func (c Caller) Counted() Counted {
	switch {
	case c.Subject != "":
		return Counted{Key: c.SubjectKey()}
	case c.anonymous():
		return Counted{}
	}
	return Counted{KeyOf(c.network()), true}
}

func (c Caller) network() string { return "network " + Network(c.Address).String() }

// anonymous reports that nothing tells the caller apart from others: no subject, and an address that may be a proxy's.
func (c Caller) anonymous() bool {
	return c.Subject == "" && (!c.Address.IsValid() || c.Address.IsLoopback())
}

// Network returns the network that counts as one caller: an IPv4 address, or the /64 of an IPv6 address, since one host may
// use all of a /64.
func Network(at netip.Addr) netip.Prefix {
	at = at.Unmap().WithZone("")
	bits := at.BitLen()
	if at.Is6() {
		bits = 64
	}
	p, _ := at.Prefix(bits) // the zero address gives the zero prefix
	return p
}

// ClientAddress returns the address of a client. remote is the address of its connection. If that is a trusted proxy, the
// client is the last address in forwarded, the values of X-Forwarded-For, that is no trusted proxy itself. If the last entry
// cannot be read, the client is unknown, and counts as its proxy.
func ClientAddress(remote string, forwarded []string, trusted []netip.Prefix) netip.Addr {
	at := parseAddress(remote)
	for _, line := range slices.Backward(forwarded) {
		for line != "" {
			if !contain(trusted, at) {
				return at
			}
			i := strings.LastIndexByte(line, ',')
			entry := parseAddress(strings.TrimSpace(line[i+1:]))
			if !entry.IsValid() {
				return at
			}
			at, line = entry, line[:max(i, 0)]
		}
	}
	return at
}

// Proxied reports whether a connection comes from a trusted proxy: one that is listed, or a program on this machine. remote is
// its address; that of a Unix socket is none.
func Proxied(remote string, trusted []netip.Prefix) bool {
	at := parseAddress(remote)
	return !at.IsValid() || at.IsLoopback() || contain(trusted, at)
}

func contain(networks []netip.Prefix, at netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(at) })
}

// parseAddress parses an address with or without a port; some proxies write the port too. Zero: it is neither.
func parseAddress(text string) netip.Addr {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone("")
	}
	at, _ := netip.ParseAddr(strings.Trim(text, "[]"))
	return at.Unmap().WithZone("")
}
