package limits

import (
	"net/netip"
	"strings"
	"testing"
)

// Whatever X-Forwarded-For says: a client that is no trusted proxy is believed only for its own address, and nobody becomes
// an address that no trusted proxy has written.
func FuzzClientAddress(f *testing.F) {
	for _, seed := range []string{
		"", "1.1.1.1", "1.1.1.1, 10.0.0.1", "1.1.1.1:80", "[2001:db8::1]:80", "2001:db8::1", "::ffff:1.1.1.1", "fe80::1%eth0", "unknown", "_hidden", ",", ",,", " , 1.1.1.1 ,", "1.1.1.1\n10.0.0.1", "010.0.0.1", "1.1.1.1, \"10.0.0.1\"",
		strings.Repeat("10.0.0.1, ", 1000),
	} {
		f.Add("10.0.0.1:4000", seed, "")
		f.Add("192.0.2.1:4000", seed, "9.9.9.9")
		f.Add("10.0.0.1:4000", "8.8.8.8", seed)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}
	trusted := func(at netip.Addr) bool { return proxies[0].Contains(at) || proxies[1].Contains(at) }
	f.Fuzz(func(t *testing.T, remote, first, second string) {
		own := parseAddress(remote)
		at := ClientAddress(remote, []string{first, second}, proxies)
		if at.Zone() != "" || at.Is4In6() {
			t.Fatalf("%v is not as addresses are compared", at)
		}
		if !trusted(own) {
			if at != own {
				t.Fatalf("%s is no proxy, and is believed to be %v", remote, at)
			}
			return
		}
		// The right-most entry that is no proxy, unless what is right of it cannot be read.
		want := own
		entries := strings.Split(first+","+second, ",")
		for i := len(entries) - 1; i >= 0; i-- {
			entry := parseAddress(strings.TrimSpace(entries[i]))
			if !entry.IsValid() {
				break
			}
			if want = entry; !trusted(entry) {
				break
			}
		}
		if second == "" { // an empty line is no entry
			want = ClientAddress(remote, []string{first}, proxies)
		}
		if strings.HasSuffix(first, ",") || strings.HasSuffix(second, ",") || first == "" || strings.Contains(first+","+second, ",,") {
			return // empty entries: see TestClientAddress
		}
		if at != want {
			t.Fatalf("%s, %q, %q: %v, want %v", remote, first, second, at, want)
		}
	})
}
