// Package shadow adds up what pages in shadow saw, and says whether it is enough to switch push on. Such pages have a stream
// but poll as if they had none, so each poll shows what push would have done. No HTTP and no Redis in here.
package shadow

import (
	"math"
	"time"

	"nudge/version"
)

// Sums are what pages saw while they had a stream that they trusted. Sums of different pages, times and gateways can be added.
type Sums struct {
	Pages int64 `json:"pages"` // that reported; each is counted with its first report
	Polls int64 `json:"polls"` // that the page's own interval caused, and that were answered
	Empty int64 `json:"empty"` // of Polls: found nothing, and push had announced nothing. Push would have saved them
	News  int64 `json:"news"`  // of Polls: found something, and it is known whether push announced it
	// Missed is how many of News found something that push had not announced, seconds later included.
	Missed int64 `json:"missed"`
	// LeadMS is by how much push was earlier than the poll, in ms, added up over the polls of News that missed nothing.
	LeadMS int64 `json:"lead_ms"`
}

// Add returns the sum of both. It stays at the greatest number instead of overflowing.
func (s Sums) Add(t Sums) Sums {
	return Sums{
		add(s.Pages, t.Pages), add(s.Polls, t.Polls), add(s.Empty, t.Empty), add(s.News, t.News), add(s.Missed, t.Missed), add(s.LeadMS, t.LeadMS),
	}
}

func add(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// EmptyShare returns the share of polls that push would have saved, from 0 to 1; 0 without polls.
func (s Sums) EmptyShare() float64 { return share(s.Empty, s.Polls) }

// Lead returns by how much push was earlier than the polls, on average; 0 if push announced nothing.
func (s Sums) Lead() time.Duration {
	if s.News <= s.Missed {
		return 0
	}
	return time.Duration(float64(s.LeadMS) / float64(s.News-s.Missed) * float64(time.Millisecond))
}

func share(part, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// Evidence is what pages saw in a time.
type Evidence struct {
	Sums
	Since time.Time `json:"since,omitzero"` // of the first report that counts; zero: there was none
	// Projects are sums of the pages that have the project; a page with two projects is in both. Missed is of the project alone.
	Projects map[version.Project]Sums `json:"projects,omitempty"`
	// Other is the same for projects that have no room in Projects.
	Other Sums `json:"other,omitzero"`
}

// Merge returns the evidence of both together.
func (e Evidence) Merge(f Evidence) Evidence {
	merged := Evidence{Sums: e.Sums.Add(f.Sums), Since: e.Since, Other: e.Other.Add(f.Other)}
	if e.Since.IsZero() || !f.Since.IsZero() && f.Since.Before(e.Since) {
		merged.Since = f.Since
	}
	if n := len(e.Projects) + len(f.Projects); n > 0 {
		merged.Projects = make(map[version.Project]Sums, n)
	}
	for _, projects := range []map[version.Project]Sums{e.Projects, f.Projects} {
		for p, s := range projects {
			merged.Projects[p] = merged.Projects[p].Add(s)
		}
	}
	return merged
}

// z is how many standard deviations 95 % of a normal distribution are within.
const z = 1.959964

// Interval returns Wilson's interval: between which shares the true one is with 95 % confidence, if part of whole were seen
// and each was independent. Without observations it is from 0 to 1.
func Interval(part, whole int64) (low, high float64) {
	if whole <= 0 {
		return 0, 1
	}
	part = min(max(part, 0), whole)
	n, p := float64(whole), float64(part)/float64(whole)
	middle, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	low, high = (middle-half)/(1+z*z/n), (middle+half)/(1+z*z/n)
	if part == 0 {
		low = 0 // not a little beside it
	}
	if part == whole {
		high = 1
	}
	return max(low, 0), min(high, 1)
}

// AtMost returns which share is not exceeded with 95 % confidence, if part of whole were seen. If nothing was, that is 3 in
// whole: the rule of three.
func AtMost(part, whole int64) float64 {
	if whole <= 0 {
		return 1
	}
	if part <= 0 {
		return min(1, 3/float64(whole))
	}
	_, high := Interval(part, whole)
	return high
}
