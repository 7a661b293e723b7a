package fallback

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

const (
	// auditWindow is how long a report counts against push, and how long push is
	// degraded after the last vote that made it so.
	auditWindow = 15 * time.Minute
	// reportGap is the shortest time between two reports of a page for one project. Polls in between do not count as audits.
	reportGap = 5 * time.Minute
	// faultyShare is the share of the audits that may fail before push counts as faulty. Most polls have nothing to find, so
	// one failure in a hundred polls is a large share of those that had.
	faultyShare = 0.01
	// several is the least number of projects with a fault, so that a few accidents in a
	// small fleet do not count against push.
	several = 3
	// mostVotes bounds the votes remembered: twice the most that is ever needed.
	mostVotes = 10_000
)

// Fault says what a page's report found: why a poll found a version that push had not
// announced, or what else was wrong. The set is closed; Faults lists it.
type Fault string

const (
	// FaultPublisher: the version was committed and never published, or not yet.
	FaultPublisher Fault = "publisher"
	// FaultDeaf: it was stored, but this gateway did not know it.
	FaultDeaf Fault = "deaf"
	// FaultDelivery: this gateway knew it, but the browser did not.
	FaultDelivery Fault = "delivery"
	// FaultData: the page applied pushed data, and the application's answer differed.
	// News did arrive, and the page no longer applies data.
	FaultData Fault = "data"
	// FaultAhead: the stored version is ahead of the application.
	FaultAhead Fault = "ahead"
	// FaultUnjudged: the key could not be read, push was down, the version was not
	// above the last announced one, or the gateway does not know the kind of report.
	FaultUnjudged Fault = "unjudged"
)

// Faults returns every Fault, in a fixed order.
func Faults() []Fault {
	return []Fault{FaultPublisher, FaultDeaf, FaultDelivery, FaultData, FaultAhead, FaultUnjudged}
}

// Push reports whether the fault is one of push. Only then does polling faster help users.
func (f Fault) Push() bool { return f == FaultDeaf || f == FaultDelivery }

// Blame returns the fault for a poll that found the version reported before push announced it. believed is the version that
// the gateway believed when the report came, stored is the one in the key; below zero: none. A version that a gateway
// believes was published, whatever the key says.
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

// Audit decides by votes whether reported faults count against push. Callers pass each with Vote. It holds no clock and
// starts nothing. It is safe for concurrent use.
//
// A reporter may lie, so only agreement of many counts. Each voter has one vote in 15 minutes, for the project of its first
// report: a liar counts once, however much it reports. The project with the most votes is left out: if one project fails for
// everybody, push may work for the others. The other votes must be a certain share of the polls that could have found a
// fault, and for at least two more projects.
type Audit struct {
	mu       sync.Mutex // guards all below
	votes    []vote     // oldest first
	voters   map[uint64]struct{}
	projects map[uint64]int // votes for each
	until    time.Time      // until when push is degraded; zero: it never was
}

// vote is a voter's first report within the window. Names are kept as hashes: a subject may be long.
type vote struct {
	voter, project uint64
	at             time.Time
}

// Findings are an Audit in numbers.
type Findings struct {
	Voters   int       // votes that count now
	Projects int       // projects with a vote
	Until    time.Time // until when push is degraded; zero: it never was
}

// NewAudit returns an Audit without votes.
func NewAudit() *Audit {
	return &Audit{voters: map[uint64]struct{}{}, projects: map[uint64]int{}}
}

// Vote counts a report of a fault of push at now. voter names the reporter: a subject or an address. audits is how many
// polls could have found a fault, see [Size.Audits]. It returns until when push is degraded; zero or past: it is not.
func (a *Audit) Vote(voter, project string, audits float64, now time.Time) (until time.Time) {
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

// Findings returns the state at now.
func (a *Audit) Findings(now time.Time) Findings {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgetLocked(now)
	return Findings{len(a.votes), len(a.projects), a.until}
}

// faultyLocked reports whether enough votes agree that push is at fault.
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

func digest(name string) uint64 {
	sum := sha256.Sum256([]byte(name))
	return binary.BigEndian.Uint64(sum[:8])
}
