package auth

import (
	"crypto/sha256"
	"sync"
	"time"

	"nudge/gateway/auth/jwks"
)

// mostVerified is how many tokens each of two generations holds, some 500 bytes each.
const mostVerified = 8192

// verified remembers whose tokens were verified, by a hash of the whole token: a page that loads sends the same one several times.
// Only valid tokens are in it, so strangers cannot fill it. When a generation is full, or forget is called, the one before is
// forgotten. Its zero value is empty.
type verified struct {
	mu       sync.Mutex // guards all below
	now, old map[[sha256.Size]byte]verdict
}

// verdict is that a token is good until it expires, or until the keys change.
type verdict struct {
	who   *Caller // without revocations
	until time.Time
	set   *jwks.Set  // nil: the keys are those of the settings
	keys  *jwks.Keys // of set
}

// get returns whose token has this hash; nil: it must be verified.
func (v *verified) get(hash [sha256.Size]byte, now time.Time) *Caller {
	v.mu.Lock()
	defer v.mu.Unlock()
	found, ok := v.now[hash]
	if !ok {
		if found, ok = v.old[hash]; ok {
			v.putLocked(hash, found)
		}
	}
	if !ok || !now.Before(found.until) || found.set != nil && found.set.Keys() != found.keys {
		return nil
	}
	return found.who
}

func (v *verified) put(hash [sha256.Size]byte, found verdict) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.putLocked(hash, found)
}

func (v *verified) putLocked(hash [sha256.Size]byte, found verdict) {
	if v.now == nil || len(v.now) >= mostVerified {
		v.turnLocked()
	}
	v.now[hash] = found
}

// forget forgets tokens that nobody has sent since the call before: pages with a stream send none.
func (v *verified) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.turnLocked()
}

func (v *verified) turnLocked() { v.now, v.old = map[[sha256.Size]byte]verdict{}, v.now }
