package limits

import "net/netip"

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
