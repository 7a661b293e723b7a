package auth

import (
	"encoding/binary"
	"math"
	"time"

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
type Fingerprint [20]byte

// open is the fingerprint of all callers while Settings.Open holds. Nothing revokes it.
var open = newFingerprint(0, 0, math.MaxUint32)

// Fingerprint returns the fingerprint of the caller's token.
func (c *Caller) Fingerprint() Fingerprint {
	if c.Open {
		return open
	}
	var issued uint32
	if !c.Issued.IsZero() {
		issued = uint32(min(max(c.Issued.Unix(), 0), math.MaxUint32-1))
	}
	return newFingerprint(limits.KeyOf(c.id), limits.KeyOf(c.Subject), issued)
}

func newFingerprint(id, subject limits.Key, issued uint32) (f Fingerprint) {
	binary.NativeEndian.PutUint64(f[:8], uint64(id))
	binary.NativeEndian.PutUint64(f[8:16], uint64(subject))
	binary.NativeEndian.PutUint32(f[16:], issued)
	return f
}

// parts returns the keys and the time of issue. A token without one counts as issued in 1970.
func (f Fingerprint) parts() (id, subject limits.Key, issued time.Time) {
	return limits.Key(binary.NativeEndian.Uint64(f[:8])), limits.Key(binary.NativeEndian.Uint64(f[8:16])),
		time.Unix(int64(binary.NativeEndian.Uint32(f[16:])), 0)
}

// WithSubject returns f with another key of the subject.
func (f Fingerprint) WithSubject(k limits.Key) Fingerprint {
	binary.NativeEndian.PutUint64(f[8:16], uint64(k))
	return f
}

// Subject returns the key of the subject; [limits.Nobody] without one.
func (f Fingerprint) Subject() limits.Key {
	_, subject, _ := f.parts()
	return subject
}
