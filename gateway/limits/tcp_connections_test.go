package limits

import (
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func from(text string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(text)) }

// The bare connections of one address, or of one /64, are bounded. Proxies and loopback are not.
func TestConnectionsPerNetwork(t *testing.T) {
	var log strings.Builder
	c := NewConnections(100, slog.New(slog.NewTextHandler(&log, nil)))
	c.Set(2, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	take := func(text string) *Connection {
		t.Helper()
		if !c.Take(nil) {
			t.Fatal("closed")
		}
		conn := c.Admit(from(text))
		if conn == nil {
			c.Give()
		}
		return conn
	}
	for _, test := range []struct{ first, second, third, other string }{
		{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3", "192.0.2.2:1"},
		{"[2001:db8::1]:1", "[2001:db8::ffff:2]:1", "[2001:db8:0:0:1::]:1", "[2001:db8:0:1::1]:1"},
		{"198.51.100.1:1", "[::ffff:198.51.100.1]:1", "198.51.100.1:2", "198.51.100.2:2"},
	} {
		first, second := take(test.first), take(test.second)
		if first == nil || second == nil || take(test.third) != nil || take(test.other) == nil {
			t.Errorf("%v", test)
		}
		first.End(false)
		if first = take(test.third); first == nil {
			t.Errorf("%v: a place that was given back is not free", test)
		}
		second.Stream(1) // a stream does not count for its network
		second.Stream(1)
		if take(test.third) == nil || take(test.third) != nil {
			t.Errorf("%v: with one that carries a stream", test)
		}
		second.Stream(-1)
		second.Stream(-1)
		first.End(true) // parked: its place is still taken, and no longer counts for its network
		if take(test.third) != nil {
			t.Errorf("%v: two are bare again", test)
		}
		second.End(false)
		second.Stream(-1) // the request ends after its connection
		if take(test.third) == nil {
			t.Errorf("%v: one is bare", test)
		}
	}
	for range 10 {
		if take("10.1.2.3:4") == nil || take("127.0.0.1:5") == nil || take("[::1]:5") == nil {
			t.Error("a proxy is refused")
		}
	}
	if got, want := *c.Count(), (ConnectionCount{3*4 + 30, 100, 9}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if n := strings.Count(log.String(), "add it to limits.trusted_proxies"); n != 1 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}

// Without a setting one network has a quarter. Somebody hears of it when nearly all places are taken.
func TestConnectionsRunOut(t *testing.T) {
	var log strings.Builder
	c := NewConnections(40, slog.New(slog.NewTextHandler(&log, nil)))
	admitted := 0
	for range 36 {
		c.Take(nil)
		if c.Admit(from("192.0.2.1:1")) != nil {
			admitted++
		}
	}
	if admitted != 10 {
		t.Errorf("one address has %d of 40", admitted)
	}
	log.Reset()
	c = NewConnections(40, slog.New(slog.NewTextHandler(&log, nil)))
	for i := range 39 {
		if c.Take(nil); strings.Contains(log.String(), "almost all places") != (i >= 35) {
			t.Fatalf("after %d: %s", i+1, log.String())
		}
	}
	if n := strings.Count(log.String(), "almost all places"); n != 1 {
		t.Errorf("%d lines", n)
	}
	c.Take(nil)
	closed := make(chan struct{})
	close(closed)
	if c.Take(closed) {
		t.Error("taken after Close")
	}
	if len(c.bare) != 0 {
		t.Errorf("%v is left", c.bare)
	}
}
