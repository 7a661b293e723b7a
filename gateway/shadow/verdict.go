package shadow

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"nudge/internal/quantity"
	"nudge/version"
)

// Verdict is what follows from [Sums].
type Verdict string

const (
	Collecting Verdict = "collecting" // there is not enough evidence yet
	Safe       Verdict = "safe"       // push can be switched on
	Unsafe     Verdict = "unsafe"     // push misses news
)

const (
	// NeedPolls and NeedNews are how much evidence a verdict of [Safe] needs. If so much news came and none was missed, then push
	// misses less than [MostMissed] with 95 % confidence.
	NeedPolls = 3000
	NeedNews  = 300
	// MostMissed is the share of news that push may miss. A page with push finds that with its next slow poll.
	MostMissed = 0.01
	// soonUnsafe is how much missed news is enough for [Unsafe] before there is enough evidence for [Safe].
	soonUnsafe = 3
)

// Verdict returns what follows from the sums.
func (s Sums) Verdict() Verdict {
	low, _ := Interval(s.Missed, s.News)
	switch {
	case s.Missed >= soonUnsafe && low > MostMissed:
		return Unsafe
	case s.Polls < NeedPolls || s.News < NeedNews:
		return Collecting
	case AtMost(s.Missed, s.News) > MostMissed:
		return Unsafe
	}
	return Safe
}

// Summary is [Evidence] as operators see it.
type Summary struct {
	Sums
	Since    time.Time `json:"since,omitzero"`
	Gateways int       `json:"gateways"` // whose sums these are
	Verdict  Verdict   `json:"verdict"`
	Text     string    `json:"text"` // the verdict in a sentence, with its figures
	// EmptyShare is between EmptyLow and EmptyHigh with 95 % confidence.
	EmptyShare float64 `json:"empty_share"`
	EmptyLow   float64 `json:"empty_low"`
	EmptyHigh  float64 `json:"empty_high"`
	MeanLeadMS int64   `json:"mean_lead_ms"`
	// MissedAtMost is which share of news push misses at most, with 95 % confidence.
	MissedAtMost float64 `json:"missed_at_most"`
	// Projects are ten at most, the one with most missed news first. Other is the rest.
	Projects []Project `json:"projects"`
	Other    Sums      `json:"other"`
	// Problem says why sums of other gateways may be missing; "": nothing is wrong.
	Problem string `json:"problem,omitempty"`
}

// Project is what pages with one project saw.
type Project struct {
	Project version.Project `json:"project"`
	Sums
}

// Summary returns what operators see of the evidence of so many gateways.
func (e Evidence) Summary(gateways int) Summary {
	const most = 10
	s := Summary{
		Sums: e.Sums, Since: e.Since, Gateways: gateways, Verdict: e.Verdict(), EmptyShare: e.EmptyShare(),
		MeanLeadMS: e.Lead().Milliseconds(), MissedAtMost: AtMost(e.Missed, e.News), Projects: []Project{}, Other: e.Other,
	}
	s.EmptyLow, s.EmptyHigh = Interval(e.Empty, e.Polls)
	for p, sums := range e.Projects {
		s.Projects = append(s.Projects, Project{p, sums})
	}
	slices.SortFunc(s.Projects, func(a, b Project) int {
		return cmp.Or(cmp.Compare(b.Missed, a.Missed), cmp.Compare(b.Polls, a.Polls), strings.Compare(a.Project.String(), b.Project.String()))
	})
	for _, p := range s.Projects[min(most, len(s.Projects)):] {
		s.Other = s.Other.Add(p.Sums)
	}
	s.Projects = s.Projects[:min(most, len(s.Projects))]
	s.Text = s.text()
	return s
}

func (s *Summary) text() string {
	seen := fmt.Sprintf("after %s of %s: %s empty, %s, %s",
		quantity.Of(s.Polls, "poll"), quantity.Of(s.Pages, "page"), percent(s.EmptyShare), s.earlier(), s.missed())
	switch s.Verdict {
	case Safe:
		return seen + ": safe to switch"
	case Unsafe:
		text := fmt.Sprintf("not safe: push missed %s of %s news (%s, %s at most with 95 %% confidence; the limit is %s)",
			quantity.Number(s.Missed), quantity.Number(s.News), percent(share(s.Missed, s.News)), percent(s.MissedAtMost), percent(MostMissed))
		if len(s.Projects) > 0 && s.Projects[0].Missed > 0 {
			text += ", most of it of project " + s.Projects[0].Project.String()
		}
		return text + "; nudge status says whether it was never published, not heard or not delivered (docs/troubleshooting.md)"
	}
	if s.Polls == 0 {
		return "nothing seen yet: no page with push: 'shadow' has reported, which each does after one to two minutes"
	}
	var needed []string
	if s.Polls < NeedPolls {
		needed = append(needed, fmt.Sprintf("%s of %s polls needed", quantity.Number(s.Polls), quantity.Number(NeedPolls)))
	}
	if s.News < NeedNews {
		needed = append(needed, fmt.Sprintf("%s of %s news needed", quantity.Number(s.News), quantity.Number(NeedNews)))
	}
	return "not enough evidence yet: " + strings.Join(needed, ", ") + "; " + seen
}

func (s *Summary) earlier() string {
	if s.News <= s.Missed {
		return "no news by push"
	}
	return fmt.Sprintf("news %.1f s earlier", s.Lead().Seconds())
}

func (s *Summary) missed() string {
	if s.Missed > 0 || s.News == 0 {
		return fmt.Sprintf("%s missed of %s news", quantity.Number(s.Missed), quantity.Number(s.News))
	}
	return fmt.Sprintf("0 missed (with 95 %% confidence fewer than 1 in %s polls, 1 in %s news)", rarer(s.Polls), rarer(s.News))
}

// rarer is the rule of three as "1 in n", rounded down to two digits.
func rarer(whole int64) string {
	n := max(whole/3, 1)
	if digits := len(strconv.FormatInt(n, 10)); digits > 2 {
		unit := int64(math.Pow10(digits - 2))
		n -= n % unit
	}
	return quantity.Number(n)
}

// percent never rounds up to 100 %, nor down to 0 %.
func percent(share float64) string {
	n := math.Round(share * 1000)
	if n == 0 && share > 0 {
		return "under 0.1 %"
	}
	if n == 1000 && share < 1 {
		return "over 99.9 %"
	}
	return strconv.FormatFloat(n/10, 'f', -1, 64) + " %"
}
