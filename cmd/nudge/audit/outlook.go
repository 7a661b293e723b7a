package audit

import (
	"math"
	"time"

	"nudge/cmd/nudge/simulate"
	"nudge/fallback"
)

// Outlook is what the real controller makes of pages of the number and pace that were found, in simulated time.
type Outlook struct {
	// What is simulated: all polled paths together.
	Pages    int     `json:"pages"`
	Projects int     `json:"projects"`
	Advances float64 `json:"changes_per_second"`
	Fast     float64 `json:"poll_fast_s"`
	Slow     float64 `json:"poll_slow_s"`

	Now  Load `json:"now"`  // as the logs have it
	With Load `json:"with"` // with Nudge
	// Saved is the share of polls that are not made, between 0 and 1.
	Saved float64 `json:"saved"`
	// Seconds are the polls of each second with Nudge, for an hour; for the chart.
	Seconds []int32 `json:"-"`
}

// Load is what an application and its users have.
type Load struct {
	Rate float64 `json:"polls_per_second"`
	Peak int     `json:"peak_polls_per_second"`
	// Half and Most are how late changes are seen, in seconds: half of them, and 99 of 100, sooner than this.
	Half float64 `json:"staleness_p50_s"`
	Most float64 `json:"staleness_p99_s"`
}

// mostSimulated bounds the pages of the simulation, so that it takes seconds. Beyond it, the rates are scaled.
const mostSimulated = 50_000

// simulate fills the outlook. The estimates err on the side of less to be saved: each answer with something new counts as a
// change that nobody else sees, unless more pages than things were seen.
func (r *Report) simulate() error {
	var pages, rate, news, every float64
	things, peak := 0, 0
	for _, f := range r.Polled {
		pages += f.Pages
		rate += f.Rate
		news += f.Rate * (1 - f.Likely)
		every += f.Rate * f.Every
		things += f.Things
		peak += f.Peak
	}
	if rate == 0 {
		return nil
	}
	every /= rate
	count := max(1, int(math.Round(pages)))
	scale := 1.0
	if count > mostSimulated {
		scale = float64(count) / mostSimulated
		count = mostSimulated
	}
	projects := max(1, min(count, int(float64(things)/scale)))
	watchers := max(1, float64(count)/float64(projects))
	o := &Outlook{
		Pages: max(1, int(math.Round(pages))), Projects: max(1, min(things, int(math.Ceil(pages)))),
		Advances: news / watchers, Fast: every, Slow: math.Max(300, every),
		Now: Load{Rate: rate, Peak: peak, Half: 0.5 * every, Most: 0.99 * every}, // a change falls anywhere between two polls
	}
	advances := o.Advances / scale
	if advances == 0 {
		advances = -1
	}
	result, err := simulate.Run(simulate.Options{
		Browsers: count, Projects: projects, Advances: min(advances, 10_000), Settled: true, Seed: 1, Hours: 1,
		Policy: fallback.Policy{Fast: time.Duration(every * float64(time.Second)), Slow: time.Duration(o.Slow * float64(time.Second))},
	})
	if err != nil {
		return err
	}
	seconds := float64(max(1, len(result.Seconds)))
	o.With = Load{
		Rate: scale * float64(result.Polls) / seconds, Peak: int(scale * float64(result.Peak)),
		Half: result.Staleness.P50 / 1000, Most: result.Staleness.P99 / 1000,
	}
	o.Saved = max(0, 1-o.With.Rate/rate)
	for _, s := range result.Seconds {
		o.Seconds = append(o.Seconds, int32(scale*float64(s.Polls)))
	}
	r.Outlook = o
	return nil
}
