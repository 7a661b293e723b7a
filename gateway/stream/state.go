package stream

import "time"

// Owner is what a stream remembers of its caller, so that its access can be decided again. Only [Rules] know what it means. It
// holds no pointer, because there is one for each stream.
type Owner [21]byte

// Stage is how far a stream is from its end.
type Stage uint8

const (
	Arriving  Stage = iota // no hello yet: the source does not listen for all of its projects
	Open                   // the hello was sent
	Closing                // the goodbye is decided, and not sent completely
	Lingering              // the goodbye was sent, and the browser has not closed the connection yet
)

// State is one stream, without its projects and its connection: a value of 32 bytes. [State.Decide] has its rules.
type State struct {
	Owner   Owner
	stage   Stage
	why     uint8 // index in reasons: why the stream ends at ends, or is closing
	flags   flags
	ends    uint32 // Unix second in which the stream ends because of its token or its age; 0: never
	expires uint32 // Unix second in which the token expires; 0: never
}

type flags uint8

const (
	behind    flags = 1 << iota // the connection takes no more
	missed                      // while behind, an event was left out: a hello follows
	uncovered                   // the newest hello left out a project
	settled                     // the event that follows the first hello was sent
	counted                     // estimates count the stream
)

// NewState returns the State of a new stream. expires is when its token expires; zero: never.
func NewState(o Owner, expires time.Time) State { return State{Owner: o, expires: unixSecond(expires)} }

// EndAt makes the stream end at a time for a reason, unless it ends sooner; zero: never.
func (s *State) EndAt(at time.Time, why Reason) {
	if u := unixSecond(at); u != 0 && (s.ends == 0 || u < s.ends) {
		s.ends, s.why = u, why.code()
	}
}

// Ends returns the Unix second in which the stream ends because of its token or its age; 0: never.
func (s State) Ends() uint32 { return s.ends }

// Left returns how long the token is still valid at now; negative: for ever.
func (s State) Left(now time.Time) time.Duration {
	if s.expires == 0 {
		return -1
	}
	return max(0, time.Unix(int64(s.expires), 0).Sub(now))
}

// Stage returns how far the stream is from its end.
func (s State) Stage() Stage { return s.stage }

// Why returns the reason why the stream is closing. It is valid from Closing on.
func (s State) Why() Reason { return reasons[s.why] }

// Behind reports whether the connection takes no more, until the event Writable.
func (s State) Behind() bool { return s.flags&behind != 0 }

// Uncovered reports whether the newest hello left out a project, so that the page still polls at the fast interval.
func (s State) Uncovered() bool { return s.flags&uncovered != 0 }

// Covered notes whether the newest hello covers all projects.
func (s *State) Covered(covers bool) {
	s.flags &^= uncovered
	if !covers {
		s.flags |= uncovered
	}
}

// Counts reports whether estimates of load count the stream.
func (s State) Counts() bool { return s.flags&counted != 0 }

// Count notes whether estimates of load count the stream.
func (s *State) Count(counts bool) {
	s.flags &^= counted
	if counts {
		s.flags |= counted
	}
}

// FellBehind notes that the connection took only a part of an event. all: it took nothing, so the event is dropped, and a hello
// follows instead.
func (s *State) FellBehind(all bool) {
	s.flags |= behind
	if all {
		s.flags |= missed
	}
}

// Finished notes that the goodbye was sent.
func (s *State) Finished() { s.stage = Lingering }
