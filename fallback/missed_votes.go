package fallback

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

const (
	// auditWindow is for how long a report speaks against push, and for how long
	// push is mistrusted after the last one that mattered.
	auditWindow = 15 * time.Minute
	// reportGap is how often a page reports one project at most: polls in between
	// count for nothing here, however fast they are.
	reportGap = 5 * time.Minute
	// faultyShare is the share of the audits that may fail before push counts as
	// faulty. Most polls of most projects have nothing to find, so one in a
	// hundred is a good part of those that had.
	faultyShare = 0.01
	// several is the least number of projects with a fault, so that a few
	// accidents in a small fleet demote nothing.
	several = 3
	// mostVotes bounds what is remembered; twice the most that is ever needed.
	mostVotes = 10_000
)

// Fault is what a report of missed news comes to: whose fault it was that a
// poll found a version which push had not announced. The set is closed; Faults
// lists it.
type Fault string

const (
	// FaultPublisher: the version was committed and never published, or not yet.
	FaultPublisher Fault = "publisher"
	// FaultDeaf: it was stored, but this gateway had not heard of it.
	FaultDeaf Fault = "deaf"
	// FaultDelivery: this gateway knew it, and the browser did not.
	FaultDelivery Fault = "delivery"
	// FaultUnjudged: what is stored could not be read, or the version was not
	// above what the page had been told.
	FaultUnjudged Fault = "unjudged"
)

// Faults returns every Fault, in a fixed order.
func Faults() []Fault {
	return []Fault{FaultPublisher, FaultDeaf, FaultDelivery, FaultUnjudged}
}

// Push says whether the fault is one of push, which its users should not have
// to bear, and not of somebody whom no fast poll would mend.
func (f Fault) Push() bool { return f == FaultDeaf || f == FaultDelivery }

// Blame tells whose fault it was that a poll found reported before push
// announced it. Believed is the version that the gateway believed in when the
// report came, stored the one in the key: below zero, there was none. What a
// gateway believes was published, whatever the key says.
func Blame(reported, believed, stored int64) Fault {
	switch {
	case believed >= reported:
		return FaultDelivery
	case stored >= reported:
		return FaultDeaf
	default:
		return FaultPublisher
	}
}

// Audit weighs the faults of push that browsers report. Callers tell each with
// Fault; Audit holds no clock and starts nothing. It is safe for concurrent use.
//
// A report is a claim by somebody who may lie, so what counts is how many agree
// who have nothing in common. Everybody has one vote in 15 minutes, given to the
// project of their first report: whoever lies, however much, is one. The project
// with the most votes is left out: if one project fails for everybody, that is no
// reason to mistrust push elsewhere. What is left must be a share of the polls
// that could have found something, and of at least two more projects.
type Audit struct {
	mu       sync.Mutex // protects what follows
	votes    []vote     // oldest first
	voters   map[uint64]struct{}
	projects map[uint64]int // votes for each
	until    time.Time      // how long push is mistrusted; zero: it never was
}

// vote is a voter's first report within the window. Names are kept as hashes: a
// subject may be long.
type vote struct {
	voter, project uint64
	at             time.Time
}

// Findings are an Audit in numbers.
type Findings struct {
	Voters   int       // who reported a fault of push lately
	Projects int       // which their votes are for
	Until    time.Time // how long push is mistrusted for it; zero: it never was
}

// NewAudit returns an Audit without a report.
func NewAudit() *Audit {
	return &Audit{voters: map[uint64]struct{}{}, projects: map[uint64]int{}}
}

// Fault takes a report, at now, of a fault of push. Voter is who tells it: a
// subject, or an address. Audits is how many polls could have found one in the
// time that counts, see [Audits]. It returns until when push is to be mistrusted,
// which is in the past if it never was, or no more.
func (a *Audit) Fault(voter, project string, audits float64, now time.Time) (until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgetLocked(now)
	v := vote{digest(voter), digest(project), now}
	if _, voted := a.voters[v.voter]; voted || len(a.votes) >= mostVotes {
		return a.until
	}
	a.votes = append(a.votes, v)
	a.voters[v.voter] = struct{}{}
	a.projects[v.project]++
	if a.faultyLocked(audits) {
		a.until = later(a.until, now.Add(auditWindow))
	}
	return a.until
}

// Findings tells how things stand at now.
func (a *Audit) Findings(now time.Time) Findings {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgetLocked(now)
	return Findings{len(a.votes), len(a.projects), a.until}
}

// faultyLocked says whether so many agree that push is at fault.
func (a *Audit) faultyLocked(audits float64) bool {
	if len(a.projects) < several {
		return false
	}
	worst := 0
	for _, n := range a.projects {
		worst = max(worst, n)
	}
	needed := several - 1.0
	if share := faultyShare * audits; share > needed { // not for NaN
		needed = min(share, mostVotes/2)
	}
	return float64(len(a.votes)-worst) >= needed
}

// forgetLocked drops votes that are too old to count.
func (a *Audit) forgetLocked(now time.Time) {
	for len(a.votes) > 0 && now.Sub(a.votes[0].at) >= auditWindow {
		v := a.votes[0]
		a.votes = a.votes[1:]
		delete(a.voters, v.voter)
		if a.projects[v.project]--; a.projects[v.project] == 0 {
			delete(a.projects, v.project)
		}
	}
}

// Audits is how many polls of browsers with a stream can have found a fault in
// the time for which a report counts: one for each interval, but no more than may
// be reported.
func Audits(streams int, poll time.Duration) float64 {
	return float64(max(streams, 0)) * float64(auditWindow) / float64(max(poll, reportGap))
}

func digest(name string) uint64 {
	sum := sha256.Sum256([]byte(name))
	return binary.BigEndian.Uint64(sum[:8])
}
