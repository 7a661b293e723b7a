package gateway

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"nudge/fallback"
	"nudge/version"
)

// inquiry is all that browsers have reported of missed news, and what came of it.
type inquiry struct {
	audit   *fallback.Audit
	log     *slog.Logger
	lines   *rate.Limiter // whoever has a token can report, and would fill the disk
	faults  map[fallback.Fault]*atomic.Uint64
	callers quota
}

func newInquiry(log *slog.Logger) *inquiry {
	i := &inquiry{audit: fallback.NewAudit(), log: log, lines: rate.NewLimiter(rate.Every(time.Minute), 1)}
	i.faults = map[fallback.Fault]*atomic.Uint64{}
	for _, f := range fallback.Faults() {
		i.faults[f] = new(atomic.Uint64)
	}
	return i
}

func (i *inquiry) register(r *prometheus.Registry) {
	for f, n := range i.faults {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "nudge_missed_total", Help: "Reports of browsers whose poll found what push had not announced, by whose fault it was.",
			ConstLabels: prometheus.Labels{"kind": string(f)},
		}, func() float64 { return float64(n.Load()) }))
	}
}

// A page reports a project at most once in 5 minutes, so this is generous to people, and to offices behind one address.
const (
	reportsPerSubject = 60
	reportsPerAddress = 600
)

// admit tells whether a caller may report once more.
func (i *inquiry) admit(subject, address string, now time.Time) bool {
	return (subject == "" || i.callers.take("subject "+subject, reportsPerSubject, now)) &&
		i.callers.take("address "+address, reportsPerAddress, now)
}

// note counts a report that was judged. Now and then one stands in the log: it tells whoever runs the
// application where to look.
func (i *inquiry) note(f fallback.Fault, r report, now time.Time) {
	i.faults[f].Add(1)
	if f != fallback.FaultUnjudged && i.lines.AllowN(now, 1) {
		i.log.Warn("a poll found what push had not announced; further ones are not logged for a minute",
			"fault", string(f), "news", version.Mark{Project: r.project, Version: r.version, Known: true}.String())
	}
}

// missedStatus is the inquiry in the body of /status.
type missedStatus struct {
	Publisher uint64 `json:"publisher"`
	Deaf      uint64 `json:"deaf"`
	Delivery  uint64 `json:"delivery"`
	Unjudged  uint64 `json:"unjudged"`
	// Who told lately of a fault of push, and of how many projects.
	Voters   int       `json:"voters"`
	Projects int       `json:"projects"`
	Until    time.Time `json:"until,omitzero"` // how long push is mistrusted for it
}

func (i *inquiry) status(now time.Time) missedStatus {
	count := func(f fallback.Fault) uint64 { return i.faults[f].Load() }
	found := i.audit.Findings(now)
	s := missedStatus{
		Publisher: count(fallback.FaultPublisher), Deaf: count(fallback.FaultDeaf), Delivery: count(fallback.FaultDelivery),
		Unjudged: count(fallback.FaultUnjudged), Voters: found.Voters, Projects: found.Projects,
	}
	if now.Before(found.Until) {
		s.Until = found.Until
	}
	return s
}

const (
	// quotaPeriod is the time that a quota is for.
	quotaPeriod = time.Minute
	// quotaMost bounds the callers that are told apart in it. Who comes when there are more is refused.
	quotaMost = 50_000
)

// quota bounds how often each caller may do something in a minute. The zero value is ready.
type quota struct {
	mu     sync.Mutex // guards all below
	begun  time.Time
	counts map[uint32]int // by hash: two that share one share a quota
}

// take uses up one of most.
func (q *quota) take(name string, most int, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.begun) >= quotaPeriod {
		q.begun, q.counts = now, map[uint32]int{}
	}
	key := hash(name)
	if n := q.counts[key]; n >= most || n == 0 && len(q.counts) >= quotaMost {
		return false
	}
	q.counts[key]++
	return true
}
