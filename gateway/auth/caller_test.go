package auth

import (
	"testing"
)

// Callers without a subject are told apart by what one user or one site has for itself.
func TestName(t *testing.T) {
	for _, test := range []struct {
		subject, address, want string
	}{
		{"ann", "192.0.2.7", "subject ann"},
		{"", "192.0.2.7", "network 192.0.2.0/24"},
		{"", "192.0.2.200", "network 192.0.2.0/24"},
		{"", "::ffff:192.0.2.7", "network 192.0.2.0/24"},
		{"", "2001:db8:1:2:3::4", "network 2001:db8:1:2::/64"},
		{"", "fe80::1%eth0", "network fe80::/64"},
		{"", "@", "network @"}, // such as a Unix socket
	} {
		if got := (&Caller{Subject: test.subject}).Name(test.address); got != test.want {
			t.Errorf("%q from %s: %s, want %s", test.subject, test.address, got, test.want)
		}
	}
}
