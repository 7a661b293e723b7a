package fallback

import (
	"sync"
	"time"
)

const (
	// deafFor is how long a project in which news did not arrive counts against push, and how long push is degraded after
	// the last one.
	deafFor = 15 * time.Minute
	// several is the least number of such projects: an accident in one does not count against push.
	several = 3
	// mostDeaf bounds the projects that are remembered.
	mostDeaf = 1000
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

// DeafProjects are the projects in which news was stored and did not arrive, although probes did. Several of them make push
// degraded. It holds no clock and starts nothing. It is safe for concurrent use. Its zero value has none.
//
// Only what a gateway has found out by itself counts, never what browsers say: one person can have any number of users and
// addresses, and so any number of votes.
type DeafProjects struct {
	mu    sync.Mutex // guards all below
	last  map[string]time.Time
	until time.Time // until when push is degraded; zero: it never was
}

// Add takes a project in which news did not arrive, as found at now.
func (d *DeafProjects) Add(project string, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forgetLocked(now)
	if _, known := d.last[project]; !known && len(d.last) >= mostDeaf {
		return
	}
	if d.last == nil {
		d.last = map[string]time.Time{}
	}
	d.last[project] = now
	if len(d.last) >= several {
		d.until = later(d.until, now.Add(deafFor))
	}
}

// Count returns how many projects count at now, and until when push is degraded; zero: it never was.
func (d *DeafProjects) Count(now time.Time) (projects int, until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forgetLocked(now)
	return len(d.last), d.until
}

// forgetLocked forgets projects that no longer count.
func (d *DeafProjects) forgetLocked(now time.Time) {
	for project, at := range d.last {
		if now.Sub(at) >= deafFor {
			delete(d.last, project)
		}
	}
}
