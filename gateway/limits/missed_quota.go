package limits

import (
	"sync"
	"time"
)

// A page reports a project at most once in 5 minutes, so this is generous to people, and to offices behind one address.
const (
	reportsPerSubject = 60
	reportsPerAddress = 600
	reportsTime       = time.Minute
)

var errReports = &Refusal{Caller: true, Reason: "this user or address sends too many reports", RetryAfter: reportsTime}

// MissedQuota bounds how often each user and each address may report missed news in a minute. It is safe for concurrent use.
// Its zero value is ready.
type MissedQuota struct {
	mu    sync.Mutex
	count Recent[uint16]
}

// Admit counts a report, or returns why it is refused. It also refuses callers for whom count has no room.
func (r *MissedQuota) Admit(c Caller, now time.Time) *Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Subject != "" && !r.takeLocked(c.Name(), reportsPerSubject, now) ||
		!r.takeLocked(c.network(), reportsPerAddress, now) {
		return errReports
	}
	return nil
}

func (r *MissedQuota) takeLocked(name string, most uint16, now time.Time) bool {
	k := KeyOf(name)
	n, left := r.count.Get(k, now)
	if left == 0 {
		left = reportsTime
	}
	return n < most && r.count.Put(k, n+1, now, left)
}
