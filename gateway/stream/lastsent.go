package stream

import "nudge/version"

// Access is whether a caller may see a project.
type Access uint8

const (
	Served   Access = iota
	Denied          // the token does not cover it
	Excluded        // the flag excludes it
)

// LastSent is what a reader was last sent of a project, and its access to it: what it need not be sent again. There is one
// for each project of each stream, so it takes 12 bytes without alignment to 8.
type LastSent struct {
	era       uint32 // low bits of version.State.Era: no reader misses four thousand million resets
	low, high uint32 // the version has 53 bits, which leaves room for the bits below
}

const (
	knownBit    = 1 << 31
	waitingBit  = 1 << 30 // the reader was told that the source does not listen yet
	accessShift = 28
	accessBits  = 3 << accessShift
	versionBits = 1<<21 - 1
)

// NewLastSent is that of a project of which nothing was sent yet.
func NewLastSent(a Access) LastSent { return LastSent{high: uint32(a) << accessShift} }

// Sent is what a reader knows after a hello with this state. The version of a project that is waiting is not sent.
func (l LastSent) Sent(s version.State) LastSent {
	if !s.Listening {
		return LastSent{era: s.Era, high: l.high&accessBits | waitingBit}
	}
	return l.with(s)
}

// After is what a reader knows after a version event of f.
func (l LastSent) After(f *Frame) LastSent {
	sent := l.with(f.State)
	sent.high |= l.high & waitingBit
	return sent
}

func (l LastSent) with(s version.State) LastSent {
	sent := LastSent{era: s.Era, low: uint32(s.Version), high: l.high&accessBits | uint32(s.Version>>32)&versionBits}
	if s.Known {
		sent.high |= knownBit
	}
	return sent
}

// WithAccess is l with another access.
func (l LastSent) WithAccess(a Access) LastSent {
	l.high = l.high&^accessBits | uint32(a)<<accessShift
	return l
}

// Version is the version that was sent, if Known.
func (l LastSent) Version() version.Version {
	return version.Version(l.high&versionBits)<<32 | version.Version(l.low)
}

// Known tells whether a version was sent.
func (l LastSent) Known() bool { return l.high&knownBit != 0 }

// Waiting tells whether the reader was told that the source does not listen yet.
func (l LastSent) Waiting() bool { return l.high&waitingBit != 0 }

// Access is the reader's access to the project.
func (l LastSent) Access() Access { return Access(l.high & accessBits >> accessShift) }

// Next is what a reader must be sent because of a frame.
type Next uint8

const (
	SendNothing Next = iota
	SendAdvance
	SendReset
	SendHello // what was sent before no longer holds
)

// Follow decides what a reader is sent because of f. Versions compare only within an era. From one era to the next
// only an announced reset leads.
func (l LastSent) Follow(f *Frame) Next {
	ahead := int32(f.Era - l.era)
	switch {
	case ahead < 0: // a hello has sent a newer state already
		return SendNothing
	case l.Waiting() && f.Listening:
		return SendHello
	case ahead == 0 && f.Known && (!l.Known() || f.Version > l.Version()):
		return SendAdvance
	case ahead == 0:
		return SendNothing
	case ahead == 1 && f.Reset && l.Known():
		return SendReset
	}
	return SendHello
}
