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
	counted bool      // as a repair
	suspect bool      // Heard is to return its project
}

// unheardLocked notes that a key holds a version which no message has brought. Of several, the first is kept.
func (b *Board) unheardLocked(i Index, v Version) {
	u, before := b.unheard[i]
	switch {
	case !before && len(b.unheard) < mostUnheard:
		b.unheard[i] = unheardKey{version: v, at: time.Now()}
	case before && u.counted:
		u.at, u.counted = time.Now(), false // to be counted again
		b.unheard[i] = u
	}
}

// Suspect makes Heard return p, if a routine read found a version in its key whose message has not come: none with that version,
// a greater one or a reset, nor one that could not be read, although the subscription did not break.
func (b *Board) Suspect(p Project) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, _ := b.indices.find(p)
	if u, unheard := b.unheard[i]; unheard {
		u.suspect = true
		b.unheard[i] = u
	}
}

// Heard notes that a message came back that was published at sent. What was published before and has not come, is lost: then
// the read that found its version was a repair. Before that, the message may only be slower than the read. Heard returns those
// of the suspects in which news is lost, once for each time that they became suspect.
func (b *Board) Heard(sent time.Time) (lost []Project) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, u := range b.unheard {
		if !u.at.Before(sent) {
			continue
		}
		if u.suspect {
			lost = append(lost, b.at(i).project)
		}
		if !u.counted {
			b.repairs.Routine++
		}
		u.counted, u.suspect = true, false
		b.unheard[i] = u
	}
	return lost
}

// Repairs returns what was counted so far.
func (b *Board) Repairs() Repairs {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.repairs
}
