package simulate

import (
	"math"
	"time"

	"nudge/cmd/nudge/simulate/browser"
)

// Result is the result of a simulation. Times are simulated. All fields but Seconds cover the time after the fleet settled.
type Result struct {
	Script   string  `json:"script"`
	Seed     uint64  `json:"seed"`
	Browsers int     `json:"browsers"`
	Projects int     `json:"projects"`
	Gateways int     `json:"gateways"`
	Hours    float64 `json:"hours"`
	FastMS   int64   `json:"fast_ms"`
	SlowMS   int64   `json:"slow_ms"`
	Advances int     `json:"advances"`
	// Capacity is how many polls per second the application answers; 0: no limit.
	Capacity float64 `json:"capacity"`
	// Awake is how many pages are open and not asleep at the end.
	Awake int `json:"awake"`

	Polls  int64            `json:"polls"`
	Peak   int              `json:"peak"` // polls in one second, at most
	Empty  int64            `json:"empty_polls"`
	News   int64            `json:"news_polls"` // caused by news
	Causes map[string]int64 `json:"causes"`
	// Early are polls by interval that came sooner than the interval at the poll before allowed, since it became shorter.
	// Vain are polls for news that found nothing.
	Early int `json:"early_polls"`
	Vain  int `json:"vain_polls"`
	// Plain is what plain polling would have made.
	Plain []Plain `json:"plain"`

	// Answers are the times that the application took for its answers. Failed are the polls that pages gave up meanwhile;
	// they count with the time until then.
	Answers Answers `json:"answers_ms"`
	Failed  int     `json:"failed_polls"`
	// Pushed is the share of the time of visible pages in which they had a proven stream, in percent.
	Pushed float64 `json:"push_percent"`

	Staleness Staleness `json:"staleness_ms"` // of visible pages: from commit to page
	Small     Small     `json:"small_staleness_ms"`
	// Over are the seconds in which the application got more polls than promise 2 allows. Late are the pages that learnt
	// of a version later than promise 1 allows, the worst by LateMS milliseconds.
	Over   int     `json:"over_seconds"`
	Late   int     `json:"late_pages"`
	LateMS float64 `json:"late_ms"`
	// Reports of missed news, and how many of them were a fault of push.
	Reports int `json:"reports"`
	Faults  int `json:"faults"`

	Phases  []Phase  `json:"phases"`
	Seconds []Second `json:"seconds"`
}

// Plain is plain polling at one interval, and how many of its empty polls Nudge saves.
type Plain struct {
	Every float64 `json:"every_s"`
	Polls int64   `json:"polls"`
	Empty int64   `json:"empty_polls"`
	Saved float64 `json:"saved_percent"`
}

// Answers are the times that the application took for its answers.
type Answers struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Staleness is how old news was when pages had it.
type Staleness struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
	// Beyond is the 99th percentile of the age less the spread of the news. Twice is the most by which an age was above
	// twice that spread.
	Beyond float64 `json:"beyond_spread_p99"`
	Twice  float64 `json:"beyond_twice_spread_max"`
	N      int     `json:"n"`
}

// Small is the staleness of news of projects with fewer than ten pages.
type Small struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
	N   int     `json:"n"`
}

// Phase is the time from one act of the script to the next.
type Phase struct {
	Name    string  `json:"name"`
	Begin   int     `json:"begin_s"`
	Seconds int     `json:"seconds"`
	Mean    float64 `json:"mean"` // polls per second
	Peak    int     `json:"peak"`
	Empty   float64 `json:"empty"` // per second
	News    float64 `json:"news"`
	Extra   int     `json:"extra"` // early polls and vain ones, all together
	P50     float64 `json:"staleness_p50_ms"`
	P99     float64 `json:"staleness_p99_ms"`
	Answers Answers `json:"answers_ms"`
	Pushed  float64 `json:"push_percent"`
	Most    float64 `json:"most"` // what promise 2 allows, at least
}

// Second is one second: the number of polls, of these the empty ones, those for news, and the early or vain ones; the longest
// time that the application takes to answer one of them; and what promise 2 allows.
type Second struct {
	Polls   int32   `json:"polls"`
	Empty   int32   `json:"empty"`
	News    int32   `json:"news"`
	Extra   int32   `json:"extra"`
	Slowest int32   `json:"slowest_ms"`
	Most    float32 `json:"most"`
}

// OK tells whether both promises were kept.
func (r *Result) OK() bool { return r.Over == 0 && r.Late == 0 }

// Run simulates. The same options give the same result.
func Run(o Options) (*Result, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	w := newSimulation(o)
	w.run()
	return w.result(), nil
}

func (w *simulation) result() *Result {
	t, o := w.tally, &w.o
	r := &Result{
		Script: o.Script, Seed: o.Seed, Browsers: o.Browsers, Projects: o.Projects, Gateways: o.Gateways, Hours: o.Hours,
		Capacity: o.Capacity, Answers: answersOf(&t.answers), Failed: t.failed,
		FastMS: o.Policy.Fast.Milliseconds(), SlowMS: o.Policy.Slow.Milliseconds(), Awake: t.awake, Early: t.early, Vain: t.vain,
		Staleness: Staleness{round3(t.stale.at(0.5)), round3(t.stale.at(0.99)), t.stale.longest, round3(t.beyond.at(0.99)), round3(t.twice), t.stale.n},
		Small:     Small{round3(t.small.at(0.5)), round3(t.small.at(0.99)), t.small.longest, t.small.n},
		Late:      t.late, LateMS: round3(t.latest), Reports: t.reports, Faults: t.faults, Causes: map[string]int64{},
	}
	for _, s := range t.seconds[min(len(t.seconds), int(w.begun/1000)):] {
		r.Seconds = append(r.Seconds, Second{s.polls, s.empty, s.news, s.extra, s.slowest, s.most})
		r.Peak = max(r.Peak, int(s.polls))
		r.Polls += int64(s.polls)
		r.Empty += int64(s.empty)
		r.News += int64(s.news)
		if float32(s.polls) > s.most {
			r.Over++
		}
	}
	for i := range w.projects {
		for _, at := range w.projects[i].commits {
			if int64(at) >= w.begun {
				r.Advances++
			}
		}
	}
	for why, n := range t.causes {
		if n > 0 {
			r.Causes[causes[browser.Cause(why)]] = int64(n)
		}
	}
	for k, every := range plain {
		p := Plain{Every: every, Polls: int64(t.plainAll[k]), Empty: int64(max(0, t.plainAll[k]+t.plainEmpty[k]))}
		if p.Empty > 0 {
			p.Saved = round3(100 * (1 - float64(r.Empty)/float64(p.Empty)))
		}
		r.Plain = append(r.Plain, p)
	}
	shown, pushed := 0.0, 0.0
	for i := range t.phases {
		shown += t.phases[i].shown
		pushed += t.phases[i].pushed
	}
	r.Pushed = percent(pushed, shown)
	r.Divide(w.play(), func(phase int, p *Phase) {
		if phase < len(t.phases) {
			of := &t.phases[phase]
			p.P50, p.P99 = round3(of.stale.at(0.5)), round3(of.stale.at(0.99))
			p.Answers, p.Pushed = answersOf(&of.answers), percent(of.pushed, of.shown)
		}
	})
	return r
}

func answersOf(h *histogram) Answers {
	return Answers{round3(h.at(0.5)), round3(h.at(0.99)), h.longest}
}

func percent(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return round3(100 * part / whole)
}

// Divide adds up the seconds of each phase; a phase begins with an act. add adds what seconds do not have, such as how old news
// was. Phase 0 is the one before the first act.
func (r *Result) Divide(acts []Act, add func(phase int, p *Phase)) {
	begin, name := 0, "before"
	if len(acts) == 0 {
		name = r.Script
	}
	r.Phases = nil
	count := 0
	phase := func(end int) {
		if end = min(end, len(r.Seconds)); begin < end {
			p := phaseOf(name, begin, r.Seconds[begin:end])
			add(count, &p)
			r.Phases = append(r.Phases, p)
		}
		begin = end
		count++
	}
	for _, a := range acts {
		if a.Phase != "" {
			phase(int(a.At / time.Second))
			name = a.Phase
		}
	}
	phase(len(r.Seconds))
}

var causes = map[browser.Cause]string{
	browser.Interval: "interval", browser.News: "news", browser.Behind: "behind", browser.Retry: "retry",
	browser.Return: "return", browser.Network: "online", browser.Wish: "refresh",
}

func phaseOf(name string, begin int, seconds []Second) Phase {
	p := Phase{Name: name, Begin: begin, Seconds: len(seconds), Most: math.Inf(1)}
	for _, s := range seconds {
		p.Mean += float64(s.Polls)
		p.Empty += float64(s.Empty)
		p.News += float64(s.News)
		p.Extra += int(s.Extra)
		p.Peak = max(p.Peak, int(s.Polls))
		p.Most = min(p.Most, float64(s.Most))
	}
	n := float64(p.Seconds)
	p.Mean, p.Empty, p.News, p.Most = round3(p.Mean/n), round3(p.Empty/n), round3(p.News/n), round3(p.Most)
	return p
}

func round3(x float64) float64 { return math.Round(x*1000) / 1000 }
