package shadow

import (
	"encoding/json"
	"errors"
	"fmt"

	"nudge/version"
)

const (
	// MaxPolls is how many polls one report may be of. A page leaves out what is more.
	MaxPolls = 60
	// maxLead bounds the lead of one poll, in ms: no page polls much more rarely.
	maxLead = 3_600_000
	// maxProjects is how many projects one report may name, as one stream.
	maxProjects = 64
)

// Report is what one page saw since its last report.
type Report struct {
	First  bool  `json:"first"` // of this page
	Polls  int64 `json:"polls"`
	Empty  int64 `json:"empty"`
	News   int64 `json:"news"`
	Missed int64 `json:"missed"`
	LeadMS int64 `json:"lead_ms"`
	// Projects are those of the page, each with how much news of it was missed.
	Projects map[version.Project]int64 `json:"projects"`
}

const example = `{"first":true,"polls":30,"empty":29,"news":1,"missed":0,"lead_ms":4100,"projects":{"42":0}}`

// ParseReport parses the body of a report. The error says what is wrong with it.
func ParseReport(body []byte) (Report, error) {
	var r Report
	if !json.Valid(body) {
		return Report{}, errors.New("the body is not JSON; send " + example)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return Report{}, err
	}
	for _, n := range []struct {
		name       string
		value, max int64
	}{
		{"polls", r.Polls, MaxPolls},
		{"empty", r.Empty, r.Polls},
		{"news", r.News, r.Polls - r.Empty},
		{"missed", r.Missed, r.News},
		{"lead_ms", r.LeadMS, (r.News - r.Missed) * maxLead},
		{"projects", int64(len(r.Projects)), maxProjects},
	} {
		if n.value < 0 || n.value > n.max {
			return Report{}, fmt.Errorf("%s: %d is not from 0 to %d; send %s", n.name, n.value, n.max, example)
		}
	}
	if r.Polls == 0 || len(r.Projects) == 0 {
		return Report{}, errors.New("a report without polls or projects says nothing; send " + example)
	}
	for p, missed := range r.Projects {
		if missed < 0 || missed > r.Missed {
			return Report{}, fmt.Errorf("projects: %d missed of %s is not from 0 to %d, which the page missed", missed, p, r.Missed)
		}
	}
	return r, nil
}

// sums returns what r adds.
func (r *Report) sums() Sums {
	s := Sums{Polls: r.Polls, Empty: r.Empty, News: r.News, Missed: r.Missed, LeadMS: r.LeadMS}
	if r.First {
		s.Pages = 1
	}
	return s
}
