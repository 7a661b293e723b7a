package stream

import "nudge/version"

// LastSent is what a stream was last sent of a project, and its access to that project. There is one for each project of each
// stream, so it has only 12 bytes, aligned to 4.
type LastSent struct {
	era       uint32 // low bits of version.State.Era: no stream is 4e9 resets behind
	low, high uint32 // the version has 53 bits; the flags below use the others
}

const (
	knownBit    = 1 << 31
	waitingBit  = 1 << 30 // the last hello said "waiting": the source did not listen yet
	accessShift = 28
	accessBits  = 3 << accessShift
	versionBits = 1<<21 - 1
)

// NewLastSent returns the LastSent of a project of which nothing was sent yet.
func NewLastSent(a Access) LastSent { return LastSent{high: uint32(a) << accessShift} }

// Sent returns l after a hello with this state. A hello does not have the version of a project that the source does not listen
// for.
func (l LastSent) Sent(s version.State) LastSent {
	if !s.Listening {
		return LastSent{era: s.Era, high: l.high&accessBits | waitingBit}
	}
	return l.with(s)
}

// After returns l after a version event of f.
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

// WithAccess returns l with another access.
func (l LastSent) WithAccess(a Access) LastSent {
	l.high = l.high&^accessBits | uint32(a)<<accessShift
	return l
}

// Version returns the version that was sent last, if Known.
func (l LastSent) Version() version.Version {
	return version.Version(l.high&versionBits)<<32 | version.Version(l.low)
}

// Known reports whether a version was sent.
func (l LastSent) Known() bool { return l.high&knownBit != 0 }

// Waiting reports whether the last hello said "waiting" for the project.
func (l LastSent) Waiting() bool { return l.high&waitingBit != 0 }

// Access returns the stream's access to the project.
func (l LastSent) Access() Access { return Access(l.high & accessBits >> accessShift) }

// Next is what a stream must be sent because of a frame.
type Next uint8

const (
	SendNothing Next = iota
	SendAdvance
	SendReset
	SendHello // what was sent before no longer holds
)

// Follow decides what a stream is sent because of f. Versions of different eras do not compare. Only an announced reset leads
// from one era to the next; every other change of era needs a hello.
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
