package limits

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	for _, test := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:99", nil, "192.0.2.1"},
		{"192.0.2.1:99", []string{"198.51.100.1"}, "192.0.2.1"}, // from no proxy
		{"10.0.0.1:99", nil, "10.0.0.1"},
		{"10.0.0.1:99", []string{""}, "10.0.0.1"},
		{"10.0.0.1:99", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:99", []string{"198.51.100.1:4711"}, "198.51.100.1"}, // some proxies write the port
		{"10.0.0.1:99", []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{"10.0.0.1:99", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"10.0.0.1:99", []string{"2001:db8::7"}, "2001:db8::7"},
		{"10.0.0.1:99", []string{"fe80::1%eth0"}, "fe80::1"},
		{"10.0.0.1:99", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"[::ffff:10.0.0.1]:99", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:99", []string{"1.1.1.1, 198.51.100.1 , 10.0.0.2:80"}, "198.51.100.1"},
		{"10.0.0.1:99", []string{"1.1.1.1", "198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		{"10.0.0.1:99", []string{"1.1.1.1, rubbish, 10.0.0.2"}, "10.0.0.2"},
		{"10.0.0.1:99", []string{"rubbish"}, "10.0.0.1"},
		{"10.0.0.1:99", []string{"unknown", "10.0.0.3"}, "10.0.0.3"},
		{"[2001:db8:1::1]:99", []string{"10.0.0.3,10.0.0.4"}, "10.0.0.3"},
		{"pipe", []string{"1.1.1.1"}, "invalid IP"},
	} {
		if got := ClientAddress(test.remote, test.forwarded, trusted); got.String() != test.want {
			t.Errorf("%s, %q: %v, want %s", test.remote, test.forwarded, got, test.want)
		}
	}
}

// All addresses of a /64 are one caller, and so are all tokens without a subject from one network.
func TestNoEvasion(t *testing.T) {
	caller := func(subject, address string) Caller { return Caller{subject, netip.MustParseAddr(address)} }
	for _, test := range []struct {
		limit Settings
		first Caller
		next  Caller
		in    bool
	}{
		{Settings{StreamsPerAddress: 1}, caller("a", "2001:db8::1"), caller("b", "2001:db8::2"), false},
		{Settings{StreamsPerAddress: 1}, caller("a", "2001:db8::1"), caller("b", "2001:db8:0:1::1"), true},
		{Settings{StreamsPerAddress: 1}, caller("a", "192.0.2.1"), caller("b", "::ffff:192.0.2.1"), false},
		{Settings{StreamsPerSubject: 1}, caller("", "192.0.2.1"), caller("", "192.0.2.1"), false},
		{Settings{StreamsPerSubject: 1}, caller("", "2001:db8::1"), caller("", "2001:db8::2"), false},
		{Settings{StreamsPerSubject: 1}, caller("", "192.0.2.1"), caller("", "192.0.2.2"), true},
		{Settings{StreamsPerSubject: 1}, caller("a", "192.0.2.1"), caller("a", "192.0.2.2"), false},
		{Settings{StreamsPerSubject: 1}, caller("network 192.0.2.1/32", "192.0.2.9"), caller("", "192.0.2.1"), true},
	} {
		test.limit.Streams = 1000
		a := NewAdmission(func() Settings { return test.limit.WithDefaults() })
		if _, over := a.Admit(Parked, test.first, time.Now()); over != nil {
			t.Fatal(over)
		}
		if _, over := a.Admit(Parked, test.next, time.Now()); (over == nil) != test.in {
			t.Errorf("%v after %v: admitted: %v", test.next, test.first, over == nil)
		}
	}
}

// Without settings, a user has 256 streams, and one address half of all. A proxy on the same machine has no limit.
func TestDefaultShares(t *testing.T) {
	for name, test := range map[string]struct {
		caller func(i int) Caller
		most   int
	}{
		"one user":      {func(i int) Caller { return Caller{"ann", netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})} }, 256},
		"one address":   {func(i int) Caller { return Caller{fmt.Sprint(i), netip.MustParseAddr("192.0.2.1")} }, 500},
		"nobody's":      {func(i int) Caller { return Caller{"", netip.MustParseAddr("2001:db8::1")} }, 500},
		"a local proxy": {func(i int) Caller { return Caller{"", netip.MustParseAddr("127.0.0.1")} }, 1000},
	} {
		a := NewAdmission(func() Settings { return Settings{Streams: 1000}.WithDefaults() })
		admitted := 0
		for i := range 2000 {
			if _, over := a.Admit(Parked, test.caller(i), time.Now()); over == nil {
				admitted++
			}
		}
		if admitted != test.most {
			t.Errorf("%s: %d of 1,000 streams, want %d", name, admitted, test.most)
		}
	}
}
