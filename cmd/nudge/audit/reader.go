package audit

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
)

// Limits of memory. A log of any size needs no more.
const (
	mostSeries = 200_000
	mostPaths  = 2_000
)

// reader adds up requests. When it follows too many clients, it goes on with half of them.
type reader struct {
	series        map[uint64]*series // by client and what it asks for
	paths         map[string]*path
	most          int    // series that are kept at once
	mask          uint64 // clients whose hash has one of these bits are not followed
	shaped, what  []byte
	first, last   int64 // milliseconds since 1970
	lastSweep     int64
	requests      int64
	withoutClient int64
	withoutAgent  int64
}

func newReader() *reader {
	return &reader{most: mostSeries, series: map[uint64]*series{}, paths: map[string]*path{}}
}

// oneOf is of how many clients one is followed.
func (a *reader) oneOf() int64 { return int64(a.mask) + 1 }

func (a *reader) add(r *Request) {
	if len(r.Method) == 0 { // a connection without a request
		return
	}
	at := r.Time.UnixMilli()
	if a.requests == 0 || at < a.first {
		a.first = at
	}
	a.last = max(a.last, at)
	a.requests++
	switch string(r.Method) {
	case "GET", "HEAD":
	default:
		return
	}
	a.shaped, a.what = shape(r.Target, a.shaped[:0], a.what[:0])
	p := a.paths[string(a.shaped)]
	if p == nil {
		if len(a.paths) >= mostPaths {
			a.forgetRarest()
		}
		p = &path{name: string(a.shaped)}
		a.paths[p.name] = p
	}
	p.count(at / 1000)
	if len(r.Client) == 0 {
		a.withoutClient++
		return
	}
	if len(r.Agent) == 0 {
		a.withoutAgent++
	}
	client := hash(r.Client, r.Agent)
	if client&a.mask != 0 {
		return
	}
	key := hash(a.what, r.Client, r.Agent)
	s := a.series[key]
	if s != nil && at-s.last > breakAfter.Milliseconds() {
		a.close(key, s)
		s = nil
	}
	if s == nil {
		s = &series{path: p, client: client, what: hash(a.what), size: -1, quiet: -1}
		a.series[key] = s
	}
	if s.add(r, at) {
		s.look(a.oneOf())
	}
	if at-a.lastSweep > breakAfter.Milliseconds() || len(a.series) > a.most {
		a.sweep(at)
	}
}

// forgetRarest makes room for other paths: names of users or articles in paths make very many that few ask for.
func (a *reader) forgetRarest() {
	all := slices.SortedFunc(maps.Values(a.paths), func(p, q *path) int {
		return cmp.Or(cmp.Compare(p.all, q.all), cmp.Compare(p.name, q.name))
	})
	for _, p := range all[:len(all)/2] {
		delete(a.paths, p.name)
	}
}

// hash is the same in every run, so that the same log has the same report, whichever clients are followed.
func hash(parts ...[]byte) uint64 {
	var h xxhash.Digest
	h.Reset()
	for _, p := range parts {
		h.Write(p)
		h.Write([]byte{0})
	}
	return h.Sum64()
}

func (a *reader) close(key uint64, s *series) {
	s.look(a.oneOf())
	delete(a.series, key)
}

// sweep ends the series whose pages were closed. If there are still too many, it follows fewer clients from now on, and forgets
// the series of the others as if they had never begun.
func (a *reader) sweep(now int64) {
	a.lastSweep = now
	for key, s := range a.series {
		if now-s.last > breakAfter.Milliseconds() {
			a.close(key, s)
		}
	}
	for len(a.series) > a.most*3/4 {
		a.mask = a.mask<<1 | 1
		for key, s := range a.series {
			if s.client&a.mask != 0 {
				delete(a.series, key)
			}
		}
	}
}

func (a *reader) end() {
	for key, s := range a.series {
		a.close(key, s)
	}
}

func (a *reader) span() time.Duration { return time.Duration(a.last-a.first) * time.Millisecond }
