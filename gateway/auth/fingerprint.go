package auth

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"time"
)

// Fingerprint is what a stream keeps of its token, to find out whether it was revoked: 64 bits of a hash of its id, 64 of
// its subject, and the second of its issue. It holds no pointer, so that the garbage collector need not scan it, and
// compares with ==. It means nothing to another process.
//
// 64 bits are enough that no stream ends because another token was revoked. Take a fleet of 1,000 gateways with 200,000
// streams each that reconnect every hour, and always 20,000 revocations in force. In ten years that is 1.8e13 streams, each
// compared with 20,000 of 2^64 hashes: 1.8e13 × 20,000 / 1.8e19 = 0.02 false hits are expected. With 32 bits each of these
// gateways would have one an hour. Nobody can choose names that collide, since each process draws the seed of its hash at
// random.
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
	return newFingerprint(hash(c.id), hash(c.Subject), issued)
}

func newFingerprint(id, subject uint64, issued uint32) (f Fingerprint) {
	binary.NativeEndian.PutUint64(f[:8], id)
	binary.NativeEndian.PutUint64(f[8:16], subject)
	binary.NativeEndian.PutUint32(f[16:], issued)
	return f
}

// parts returns the hashes, 0 for no name, and the time of issue. A token without one counts as issued in 1970.
func (f Fingerprint) parts() (id, subject uint64, issued time.Time) {
	return binary.NativeEndian.Uint64(f[:8]), binary.NativeEndian.Uint64(f[8:16]),
		time.Unix(int64(binary.NativeEndian.Uint32(f[16:])), 0)
}

var seed = maphash.MakeSeed()

// hash returns a hash of a name; 0: there is no name.
func hash(name string) uint64 {
	if name == "" {
		return 0
	}
	return max(1, maphash.String(seed, name))
}
