package faults

import (
	"fmt"
	"slices"
	"time"
)

// judge says what the gateway did wrong in a scenario; nothing: it kept its promises.
func judge(r *record, x expect) (complaints []string) {
	complain := func(s *stream, format string, args ...any) {
		complaints = append(complaints, s.name+": "+fmt.Sprintf(format, args...))
	}
	j := &judgement{r, x, newHistory(r), complain}
	for i := range r.streams {
		s := &r.streams[i]
		j.stayed(s)
		j.admitted(s)
		j.healed(s)
		j.forward(s)
		j.listened(s)
		for _, p := range s.projects {
			j.greeted(s, p)
			j.heard(s, p)
		}
	}
	return complaints
}

type judgement struct {
	*record
	expect
	history  history
	complain func(*stream, string, ...any)
}

// stayed: no stream was closed, whatever happened to Redis.
func (j *judgement) stayed(s *stream) {
	for _, e := range s.said {
		if e.event == goodbye || e.event == ended {
			j.complain(s, "%s at %v", e.event, e.at)
			return
		}
	}
}

// admitted: the fault was told in time, and nothing else as long as it lasted.
func (j *judgement) admitted(s *stream) {
	if j.push == anyPush {
		return
	}
	limit := j.fault + j.truth()
	first := slices.IndexFunc(s.said, func(e said) bool { return e.at >= j.fault && j.push.told(e.push) })
	switch {
	case first < 0:
		j.complain(s, "was never told of the fault")
		return
	case s.said[first].at > limit:
		j.complain(s, "was told of the fault after %v, %v is the most", s.said[first].at-j.fault, j.truth())
	}
	for _, e := range s.said[first:] {
		if e.push == "healthy" && e.at < j.repair {
			j.complain(s, "was told that push is healthy at %v, and it was not before %v", e.at, j.repair)
			return
		}
	}
}

// healed: in the end push is healthy, and since when.
func (j *judgement) healed(s *stream) {
	since, ok := healthySince(s)
	switch {
	case !ok:
		j.complain(s, "was never told that push is healthy again")
	case since > j.repair+j.healthy(j.expect):
		j.complain(s, "push is healthy %v after the repair, %v is the most", since-j.repair, j.healthy(j.expect))
	}
}

// healthySince is since when a stream knows for good that push is healthy.
func healthySince(s *stream) (since time.Duration, ok bool) {
	for _, e := range s.said {
		switch {
		case e.push == "":
		case e.push != "healthy":
			ok = false
		case !ok:
			since, ok = e.at, true
		}
	}
	return since, ok
}

// forward: nothing older was named after something newer, and no lower number after a higher, but by a reset or a new
// hello; and none was made up. A reset may name what is older: it may have been overtaken by a read of the key.
func (j *judgement) forward(s *stream) {
	named := map[string]int64{}
	name := func(e said, p string, v int64) {
		if _, published := j.history.place[mark{p, v}]; !published {
			j.complain(s, "was told of %s@%d at %v, which nobody published", p, v, e.at)
		}
		named[p] = v
	}
	for _, e := range s.said {
		switch e.event {
		case hello:
			clear(named)
			for p, v := range e.versions {
				name(e, p, v)
			}
		case advance:
			before, known := named[e.project]
			older := j.history.place[mark{e.project, e.version}] < j.history.place[mark{e.project, before}]
			if known && !e.reset && (older || e.version < before) {
				j.complain(s, "%s went back from %d to %d at %v", e.project, before, e.version, e.at)
			}
			name(e, e.project, e.version)
		}
	}
}

// greeted: a subscription that broke brings a new hello for each project, soon after the repair.
func (j *judgement) greeted(s *stream, p string) {
	if !j.hello || !j.concerned(p) {
		return
	}
	before := j.history.newest(p, j.fault)
	limit := j.repair + j.within
	for _, e := range s.said {
		if e.event != hello || e.at < j.fault {
			continue
		}
		v, named := e.versions[p]
		if slices.Contains(e.unknown, p) || named && j.history.place[mark{p, v}] >= before {
			if e.at > limit {
				j.complain(s, "%s: the new hello came %v after the repair, %v is the most", p, e.at-j.repair, j.within)
			}
			return
		}
	}
	j.complain(s, "%s: there was no new hello with unknown, or with something newer", p)
}

// listened: in the end nothing is waiting any more.
func (j *judgement) listened(s *stream) {
	var waiting []string
	for _, e := range s.said {
		if e.event == hello {
			waiting = e.waiting
		}
	}
	if len(waiting) > 0 {
		j.complain(s, "is still waiting for %v at the end", waiting)
	}
}

// heard: everything that was acknowledged is known in time, or known to be unknown.
func (j *judgement) heard(s *stream, p string) {
	for i, n := range j.history.of[p] {
		if n.acked == 0 || n.lost {
			continue
		}
		at, ok := j.history.known(s, p, i)
		limit := j.limit(s, n)
		switch {
		case ok && at <= limit:
		case !ok:
			j.complain(s, "never heard of %s@%d, acknowledged at %v", p, n.version, n.acked)
			return
		default:
			j.complain(s, "heard of %s@%d at %v; it was acknowledged at %v, and %v is the latest", p, n.version, at, n.acked, limit)
			return
		}
	}
}

// limit is until when a stream must know of a publication. What the fault may have caught on its way counts as missed.
func (j *judgement) limit(s *stream, n publication) time.Duration {
	since := n.acked
	if len(s.said) > 0 {
		since = max(since, s.said[0].at) // it may have opened later
	}
	if since+prompt < j.fault || !j.concerned(n.project) {
		return since + prompt
	}
	return max(since, j.repair) + j.within
}

func (j *judgement) concerned(p string) bool {
	return j.concerns == nil || slices.Contains(j.concerns, p)
}
