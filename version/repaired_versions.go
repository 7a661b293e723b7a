package version

import "time"

// Repairs counts versions that no message brought, and a read of the key did.
type Repairs struct {
	Routine uint64 // by a routine read, or by one that a browser caused by a report
	Gap     uint64 // by the read after the subscription broke
}

// unheardKey is what a key held whose message has not come.
type unheardKey struct {
	version Version
	at      time.Time // when the key was read
	counted bool
}

// unheardLocked notes that a key holds a version which no message has brought. Of several, the first is kept.
func (b *Board) unheardLocked(i Index, v Version) {
	u, before := b.unheard[i]
	switch {
	case !before && len(b.unheard) < mostUnheard:
		b.unheard[i] = unheardKey{version: v, at: time.Now()}
	case before && u.counted:
		b.unheard[i] = unheardKey{version: u.version, at: time.Now()} // to be counted again
	}
}

// Heard notes that a message came back that was published at sent. What was published before and has not come, is lost: then
// the read that found its version was a repair. Before that, the message may only be slower than the read.
func (b *Board) Heard(sent time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, u := range b.unheard {
		if !u.counted && u.at.Before(sent) {
			u.counted = true
			b.unheard[i] = u
			b.repairs.Routine++
		}
	}
}

// Repairs returns what was counted so far.
func (b *Board) Repairs() Repairs {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.repairs
}
