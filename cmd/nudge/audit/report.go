package audit

import (
	"cmp"
	"slices"
	"time"
)

// Report is what logs say of polling.
type Report struct {
	Logs     []Log     `json:"logs"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Requests int64     `json:"requests"`
	// OneOf is of how many clients one was followed, because there were too many; 1: all.
	OneOf int64 `json:"one_client_of"`
	// WithoutClient are requests whose lines name no client: no rhythm can be found in them.
	WithoutClient int64 `json:"requests_without_client"`
	// WithoutAgent are requests whose lines name no user agent: browsers behind one address are then told apart by nothing.
	WithoutAgent int64 `json:"requests_without_user_agent"`
	// Polled are the paths that pages poll, those with the most polls first.
	Polled []Finding `json:"polled"`
	// Outlook is what Nudge would make of it. nil: nothing polls.
	Outlook *Outlook `json:"outlook,omitempty"`
}

// Log is one of the logs.
type Log struct {
	Name   string `json:"name"`
	Format string `json:"format"`
	Lines  int64  `json:"lines"`
	// Unread are lines that are not of the format; FirstUnread is the number of the first.
	Unread      int64 `json:"lines_not_understood,omitempty"`
	FirstUnread int   `json:"first_line_not_understood,omitempty"`
}

// Finding is a path that pages poll.
type Finding struct {
	Path     string  `json:"path"`
	Every    float64 `json:"every_s"`
	Requests int64   `json:"requests"`
	Polls    int64   `json:"polls"` // requests with a rhythm
	Pages    float64 `json:"pages"` // that poll at a time, on average
	Things   int     `json:"things"`
	Rate     float64 `json:"polls_per_second"`
	Peak     int     `json:"peak_requests_per_second"`
	Bytes    int64   `json:"bytes"`
	Failed   int64   `json:"failed"` // 4xx and 5xx
	// Certain is the share of answers that say "nothing" (304, 204). Likely counts those too that are as long as the answer
	// before. Between 0 and 1, of all that did not fail.
	Certain float64 `json:"empty_certain"`
	Likely  float64 `json:"empty_likely"`
	Series  int64   `json:"pages_seen"`
	// Over is how many requests came in each Width seconds, from Begin (seconds since 1970) on.
	Over Over `json:"over_time"`
}

const (
	// leastPolls is how many polls make a finding: fewer say nothing of an application.
	leastPolls = 20
	// leastShare of the requests for a path must have a rhythm: a few of very many have one by chance.
	leastShare = 0.2
)

func (r *Report) sum(a *reader) {
	r.From, r.To = time.UnixMilli(a.first).UTC(), time.UnixMilli(a.last).UTC()
	r.Requests, r.OneOf = a.requests, a.oneOf()
	r.WithoutClient, r.WithoutAgent = a.withoutClient, a.withoutAgent
	seconds := max(1, a.span().Seconds())
	for _, p := range a.paths {
		if p.requests < leastPolls || float64(p.requests) < leastShare*float64(p.requests+p.others) {
			continue
		}
		f := Finding{
			Path: p.name, Every: p.every(), Requests: p.all, Polls: p.requests, Peak: int(p.peak), Bytes: p.bytes, Failed: p.failed,
			Series: p.pages, Things: len(p.things), Pages: p.pageSeconds / seconds, Rate: float64(p.requests) / seconds,
		}
		f.Over = p.over.result()
		if answers := p.requests - p.failed; answers > 0 {
			f.Certain = float64(p.silent) / float64(answers)
		}
		if known := p.silent + p.comparable; known > 0 {
			f.Likely = float64(p.silent+p.same) / float64(known)
		}
		r.Polled = append(r.Polled, f)
	}
	slices.SortFunc(r.Polled, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Polls, a.Polls), cmp.Compare(a.Path, b.Path))
	})
}
