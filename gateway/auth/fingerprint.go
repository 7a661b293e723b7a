package auth

import (
	"math"

	"nudge/gateway/limits"
)

// Fingerprint is what a stream keeps of its token, to find out whether it was revoked: the keys of its id and its
// subject, and the second of its issue. It holds no pointer, so that the garbage collector need not scan it, and compares
// with ==.
//
// The 64 bits of a key are enough that no stream ends because another token was revoked. Take a fleet of 1,000 gateways with 200,000
// streams each that reconnect every hour, and always 20,000 revocations in force. In ten years that is 1.8e13 streams, each
// compared with 20,000 of 2^64 hashes: 1.8e13 × 20,000 / 1.8e19 = 0.02 false hits are expected. With 32 bits each of these
// gateways would have one an hour.
type Fingerprint struct {
	ID, Subject limits.Key
	Issued      uint32 // Unix second; 0: the token does not say, and counts as issued in 1970
}

// open is the fingerprint of all callers while Settings.Open holds. Nothing revokes it.
var open = Fingerprint{Issued: math.MaxUint32}

// Fingerprint returns the fingerprint of the caller's token.
func (c *Caller) Fingerprint() Fingerprint {
	if c.Open {
		return open
	}
	issued := min(max(c.Issued.Unix(), 0), math.MaxUint32-1) // the zero time is long before 1970
	return Fingerprint{limits.KeyOf(c.id), limits.KeyOf(c.Subject), uint32(issued)}
}
