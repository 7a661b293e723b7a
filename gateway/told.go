package gateway

import "nudge/version"

// standing is what one project is to one caller.
type standing uint8

const (
	served standing = iota
	denied          // the token does not cover it
	off             // the flag excludes it
)

// told is what a reader was told last of a project, and so what must not be told again. It is as small as it
// can be: there is one for each project of each stream.
type told struct {
	version version.Version
	era     uint32 // the low bits of version.State.Era: nobody misses four thousand million resets
	known   bool
	waiting bool // told that nobody listens yet
}

// tell is what a hello, or a poll's answer, tells of a state. A belief from before a gap is not said.
func tell(s version.State) told {
	if !s.Listening {
		return told{era: uint32(s.Era), waiting: true}
	}
	return told{version: s.Version, era: uint32(s.Era), known: s.Known}
}

// then is what was told after a version event of f.
func (t told) then(f *frame) told {
	return told{version: f.Version, era: uint32(f.Era), known: f.Known, waiting: t.waiting}
}

// packed is a told, and the project's standing, in 12 bytes that need no alignment to 8.
type packed struct {
	era       uint32
	low, high uint32 // of the version, whose 53 bits leave room above
}

const (
	packedKnown   = 1 << 31
	packedWaiting = 1 << 30
	packedShift   = 28 // of the standing
	packedVersion = 1<<21 - 1
)

func pack(t told, s standing) packed {
	p := packed{era: t.era, low: uint32(t.version), high: uint32(t.version>>32)&packedVersion | uint32(s)<<packedShift}
	if t.known {
		p.high |= packedKnown
	}
	if t.waiting {
		p.high |= packedWaiting
	}
	return p
}

func (p packed) told() told {
	return told{
		version: version.Version(p.high&packedVersion)<<32 | version.Version(p.low), era: p.era,
		known: p.high&packedKnown != 0, waiting: p.high&packedWaiting != 0,
	}
}

func (p packed) standing() standing { return standing(p.high >> packedShift & 3) }

// next is what follows from one frame for a reader that was told t.
type next uint8

const (
	nothing next = iota
	greater      // the plain frame
	lower        // the reset frame
	anew         // a hello: what was said before no longer holds
)

// follow decides what to tell of f. Versions compare only within an era; from one era to the next only
// an announced reset leads.
func (t told) follow(f *frame) next {
	ahead := int32(uint32(f.Era) - t.era)
	switch {
	case ahead < 0: // overtaken by a hello
		return nothing
	case t.waiting && f.Listening:
		return anew
	case ahead == 0 && f.Known && (!t.known || f.Version > t.version):
		return greater
	case ahead == 0:
		return nothing
	case ahead == 1 && f.Reset && t.known:
		return lower
	}
	return anew
}
