package limits

import (
	"sync"
	"time"
)

// Request is a kind of request that one caller may make only so often.
type Request uint8

const (
	Connects    Request = iota // streams that open
	Polls                      // GET /poll-interval
	Versions                   // GET /versions, held or not
	Publishes                  // POST /versions
	Reports                    // POST /missed
	Shadow                     // POST /shadow
	Sessions                   // POST and DELETE /session
	Revocations                // POST /revocations
	Projects                   // no requests: projects in them that this gateway did not know
	Requests                   // how many kinds there are
)

// quotas are the limits of each kind in a minute. They are far above what pages and applications do, and stop what has gone
// wrong, or attacks. A page asks for the interval once or twice in a minute, and one user has some tabs. An address may be that
// of an office, or of a proxy that is not in Settings.TrustedProxies, so it has many times what a user has.
var quotas = [Requests]struct {
	name       string
	does       string // what a caller does too often
	perSubject int    // the default of Settings.PerSubject
	subjects   int    // an address may make as many requests as so many subjects
}{
	Connects:    {"connects", "opens streams", 600, 100},
	Polls:       {"polls", "asks for the interval", 600, 100},
	Versions:    {"versions", "asks for versions", 1200, 100},
	Publishes:   {"publishes", "publishes", 60_000, 10},    // of applications
	Reports:     {"reports", "reports", 60, 10},            // a page reports a project at most once in 5 minutes, and each costs a read of Redis
	Shadow:      {"shadow", "reports from shadow", 10, 10}, // a page sends one in 1 to 10 minutes; who lies in them spoils so much of the sums
	Sessions:    {"sessions", "sends tokens", 600, 100},
	Revocations: {"revocations", "revokes", 600, 10},          // of applications
	Projects:    {"projects", "names new projects", 4096, 10}, // each costs a SUBSCRIBE in Redis
}

// quotaTime is the time that quotas are for. It begins with the first request of a caller.
const quotaTime = time.Minute

// Names returns the names of all limits for which a [Refusal] can be made.
func Names() []string {
	all := []string{errFull.Name, errConnects.Name, errOwnConnects.Name, errPerSubject.Name, errPerAddress.Name, RevocationsFull}
	for _, q := range quotas {
		all = append(all, q.name+"_per_subject", q.name+"_per_address")
	}
	return all
}

// RevocationsFull is the name of the limit of revocations in force.
const RevocationsFull = "revocations"

// Quotas bounds how often each subject and each network may make requests of each kind in a minute. It is safe for concurrent
// use. Make it with [NewQuotas].
type Quotas struct {
	settings func() Settings

	mu       sync.Mutex // guards all below
	subjects Recent[[Requests]uint32]
	networks Recent[[Requests]uint32] // apart, so that strangers in great number do not take the room of subjects
}

// NewQuotas returns Quotas that have counted nothing. Each decision asks settings for the limits in force.
func NewQuotas(settings func() Settings) *Quotas { return &Quotas{settings: settings} }

// Admit counts n requests of one kind, or returns the limit that they exceed, and counts nothing. A caller whom it has no room
// to count is admitted: there are so many others then that a limit for each would protect nothing. So is the network of a
// loopback address, where a proxy may be.
func (q *Quotas) Admit(kind Request, n int, c Caller, now time.Time) *Refusal {
	most := q.settings().PerSubject[kind]
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.Subject != "" {
		if left := take(&q.subjects, c.SubjectKey(), kind, n, most, now); left > 0 {
			return overQuota("user", "_per_subject", kind, left)
		}
	}
	if c.Address.IsValid() && !c.Address.IsLoopback() {
		if left := take(&q.networks, KeyOf(c.network()), kind, n, most*quotas[kind].subjects, now); left > 0 {
			return overQuota("address", "_per_address", kind, left)
		}
	}
	return nil
}

// take counts n requests of a caller. If there would be more than most in its present minute, it returns the rest of that
// minute instead.
func take(counts *Recent[[Requests]uint32], k Key, kind Request, n, most int, now time.Time) (left time.Duration) {
	counts.Sweep(now)
	used, left := counts.Get(k, now)
	if int(used[kind])+n > most {
		return max(left, time.Second)
	}
	if left == 0 {
		left = quotaTime
	}
	used[kind] += uint32(n)
	counts.Put(k, used, now, left)
	return 0
}

// overQuota refuses a request over a quota.
func overQuota(who, per string, kind Request, left time.Duration) *Refusal {
	q := quotas[kind]
	return &Refusal{
		Caller: true, Name: q.name + per, RetryAfter: left,
		Reason: "this " + who + " " + q.does + " too often; come back later (limits." + q.name + "_per_subject)",
	}
}
