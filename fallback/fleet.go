package fallback

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

const (
	// lostFor is how long the streams of a vanished gateway count as lost at most:
	// their browsers came back somewhere by then, or were closed.
	lostFor = 10 * time.Minute
	// mostMembers bounds the known members, and also the vanished ones. Any publisher can invent gateways. While there are
	// too many, new ones are ignored, so that invented ones never replace real ones.
	mostMembers = 1000
	// mostStreams is more than one gateway can hold. It keeps every sum within 32 bits.
	mostStreams = 2_000_000
)

// Fleet knows the gateways by their probes. Callers report each probe with Hear and ask with Size and View; Fleet holds no
// clock and starts nothing. It is safe for concurrent use.
//
// Silence of the others proves nothing while we ourselves are deaf. So a member is judged only at the moment when a probe of
// our own is heard. It vanishes after it was silent for 2 × probe + 1 s while our own probes kept coming. If one of ours was
// missing, that time begins again for everybody.
//
// The streams of a vanished member count as lost: as browsers that poll. They do until they are seen again: the member is
// heard again, or the others have more streams than when it was last heard. Each new stream stands for one lost one, of the
// oldest loss first. Counting too many as lost makes browsers poll a little less often for a while. Counting too few would
// let the application get too many polls. So doubtful growth does not count: gateways that were there before we listened,
// and streams that a leaving member sent elsewhere.
type Fleet struct {
	self       string // static after construction, like the next
	late, deaf time.Duration

	mu       sync.Mutex // protects what follows
	begun    time.Time  // when we first heard ourselves; zero: not yet
	since    time.Time  // since when we have heard ourselves without a break
	echoed   time.Time  // when we last heard ourselves
	own      int        // streams in our newest probe
	others   map[string]*member
	vanished []*member // in the order in which they were last heard
	// grown is how many streams living members have added, less those closed, and less those that stood for lost ones.
	grown int64
}

// member is another gateway.
type member struct {
	Sighting
	mark int64 // grown when it was last heard
}

// NewFleet returns a Fleet with one member, the gateway whose instance is self. Each
// member is expected to send a probe once per probe; zero or less means 2 s.
func NewFleet(self string, probe time.Duration) *Fleet {
	probe = cmp.Or(max(0, probe), defaultProbe)
	return &Fleet{self: self, late: probe + slack, deaf: 2*probe + slack, others: map[string]*member{}}
}

// Hear reports that at now a probe was heard, our own included, and returns what
// that changes. Hearing the same probe again changes nothing.
func (f *Fleet) Hear(m Member, now time.Time) []Change {
	m.Streams = min(max(m.Streams, 0), mostStreams)
	m.Extra = min(max(m.Extra, 0), m.Streams)
	m.Uncovered = min(max(m.Uncovered, 0), m.browsers())
	m.Polling = min(max(m.Polling, 0), mostStreams)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgetLocked(now)
	if m.Instance == f.self {
		return f.echoLocked(m, now)
	}
	return f.otherLocked(m, now)
}

// echoLocked takes our own probe, and drops the members that it proves silent.
func (f *Fleet) echoLocked(m Member, now time.Time) []Change {
	if f.begun.IsZero() {
		f.begun, f.own = now, m.browsers()
	}
	if now.Sub(f.echoed) > f.late {
		f.since = now
	}
	f.echoed = now
	f.growLocked(m.browsers() - f.own)
	f.own = m.browsers()

	var silent []*member
	for _, o := range f.others {
		if now.Sub(later(o.Heard, f.since)) > f.deaf {
			silent = append(silent, o)
		}
	}
	slices.SortFunc(silent, func(a, b *member) int {
		return cmp.Or(a.Heard.Compare(b.Heard), cmp.Compare(a.Instance, b.Instance))
	})
	var changes []Change
	for _, o := range silent {
		changes = append(changes, f.dropLocked(o))
	}
	return changes
}

// dropLocked takes out a member that is silent.
func (f *Fleet) dropLocked(o *member) Change {
	delete(f.others, o.Instance)
	if o.Leaving {
		f.grown -= int64(o.browsers()) // they reconnect to others, which is no growth
		return Change{o.Sighting, Left}
	}
	o.Lost = o.browsers()
	if len(f.vanished) >= mostMembers {
		f.vanished = slices.Delete(f.vanished, 0, 1)
	}
	f.vanished = append(f.vanished, o)
	f.settleLossesLocked() // some may be back already: the silence lasted some seconds
	return Change{o.Sighting, Vanished}
}

// otherLocked takes the probe of another gateway.
func (f *Fleet) otherLocked(m Member, now time.Time) (changes []Change) {
	o, known := f.others[m.Instance]
	move := Move("")
	if !known {
		if len(f.others)+1 >= mostMembers {
			return nil
		}
		o, move = &member{}, f.arrivalLocked(m.Instance)
		f.others[m.Instance] = o
	}
	// A leaving gateway stays leaving. In a Cluster an older probe may come after a newer one.
	m.Leaving = m.Leaving || o.Leaving
	parting, added := m.Leaving && !o.Leaving, m.browsers()-o.browsers()
	o.Member, o.Heard = m, later(o.Heard, now)
	if known || move == Joined && f.awakeLocked(now) {
		f.growLocked(added)
	}
	o.mark = f.grown
	if !known {
		changes = append(changes, Change{o.Sighting, move})
	}
	if parting {
		changes = append(changes, Change{o.Sighting, Parting})
	}
	return changes
}

// arrivalLocked returns whether a new member joins or returns. If it returns, its streams are not lost any more.
func (f *Fleet) arrivalLocked(instance string) Move {
	before := len(f.vanished)
	f.vanished = slices.DeleteFunc(f.vanished, func(v *member) bool { return v.Instance == instance })
	if len(f.vanished) < before {
		return Returned
	}
	return Joined
}

// awakeLocked reports whether we have listened for so long that a member heard for the first time is really new.
func (f *Fleet) awakeLocked(now time.Time) bool {
	return !f.begun.IsZero() && now.Sub(f.begun) > f.deaf
}

// growLocked counts streams that were added, or closed.
func (f *Fleet) growLocked(by int) {
	f.grown += int64(by)
	if by > 0 {
		f.settleLossesLocked()
	}
}

// settleLossesLocked counts new streams as lost ones that are seen again.
func (f *Fleet) settleLossesLocked() {
	for _, v := range f.vanished {
		if back := min(int64(v.Lost), f.grown-v.mark); back > 0 {
			v.Lost -= int(back)
			f.grown -= back
		}
	}
}

// forgetLocked drops members that vanished long ago.
func (f *Fleet) forgetLocked(now time.Time) {
	for len(f.vanished) > 0 && now.Sub(f.vanished[0].Heard) >= lostFor {
		f.vanished = slices.Delete(f.vanished, 0, 1)
	}
}

// Size returns the numbers of the fleet at now. own is this gateway at this moment, which may be newer than its last probe.
func (f *Fleet) Size(own Member, now time.Time) Size {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sizeLocked(own, now)
}

// Load returns who polls at now. own is as for Size. The push of others counts as no better than that of this gateway: while
// it is deaf, their last probes prove nothing.
func (f *Fleet) Load(own Member, now time.Time) Load {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := Load{Lost: f.sizeLocked(own, now).Lost, Polling: own.Polling}
	worst := min(own.Push, Healthy)
	add := func(m Member) {
		uncovered := min(max(m.Uncovered, 0), m.browsers())
		l.Streams[min(m.Push, worst)] += m.browsers() - uncovered
		l.Streams[Down] += uncovered // they poll as if push were down
	}
	add(own)
	for _, o := range f.others {
		add(o.Member)
		l.Polling += o.Polling
	}
	return l
}

// View returns the fleet at now. own is as for Size.
func (f *Fleet) View(own Member, now time.Time) View {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := View{Size: f.sizeLocked(own, now), Members: []Sighting{{Member: own, Heard: now}}}
	for _, o := range f.others {
		v.Members = append(v.Members, o.Sighting)
	}
	slices.SortFunc(v.Members, func(a, b Sighting) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Instance, b.Instance))
	})
	for _, o := range f.vanished {
		v.Vanished = append(v.Vanished, o.Sighting)
	}
	return v
}

func (f *Fleet) sizeLocked(own Member, now time.Time) Size {
	f.forgetLocked(now)
	s := Size{Instances: 1 + len(f.others), Streams: own.Streams, Own: own.Streams, OwnBrowsers: own.browsers()}
	s.Browsers = s.OwnBrowsers
	for _, v := range f.vanished {
		s.Lost += v.Lost
	}
	for _, o := range f.others {
		s.Streams, s.Browsers = s.Streams+o.Streams, s.Browsers+o.browsers()
		s.Step, s.Leaving = max(s.Step, o.Step), s.Leaving || o.Leaving
	}
	return s
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
