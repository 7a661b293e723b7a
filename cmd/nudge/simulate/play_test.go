package simulate_test

import (
	"slices"
	"testing"
	"time"

	"nudge/cmd/nudge/simulate"
	"nudge/fallback"
)

func short() simulate.Options {
	o := simulate.Options{Browsers: 600, Gateways: 2, Seed: 3, Advances: 3, Probe: time.Second}
	o.Policy = fallback.Policy{Fast: 2 * time.Second, Slow: 10 * time.Second, Heartbeat: 2 * time.Second}
	o.Drain.Delay, o.Drain.Window, o.Restart = time.Second, 2*time.Second, 200*time.Millisecond
	return o
}

// What a play says happens, and nothing else; a fleet that starts has to earn its trust; and a phase is what an act began.
func TestPlay(t *testing.T) {
	o := short()
	p, err := simulate.Compose(o, 3*time.Second, 8*time.Second, 90*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	p.Acts = []simulate.Act{
		{At: 5 * time.Second, Phase: "trust grows"},
		{At: 40 * time.Second, Phase: "steady"},
		{At: 50 * time.Second, Phase: "deploy", Do: simulate.Deploy},
		{At: 65 * time.Second, Phase: "killed", Do: simulate.Kill(1)},
		{At: 70 * time.Second, Phase: "back", Do: simulate.Start(1)},
	}
	o.Play = p
	r := run(t, o)
	if r.Advances != len(p.Changes) || r.Browsers != 600 || r.Awake != 600 || len(r.Seconds) != 90 {
		t.Errorf("%d advances of %d, %d browsers, %d awake, %d s", r.Advances, len(p.Changes), r.Browsers, r.Awake, len(r.Seconds))
	}
	for i, s := range r.Seconds[:3] {
		if s.Polls > 0 {
			t.Errorf("%d polls in second %d, when no page is open", s.Polls, i)
		}
	}
	polls := map[string]float64{}
	for _, phase := range r.Phases {
		polls[phase.Name] = phase.Mean - phase.News
		// Once the gateway is back, some still come early who were with it.
		if extra := phase.Extra > 0; extra != (phase.Name == "killed") && phase.Begin >= 40 && phase.Name != "back" {
			t.Errorf("%s: %d extra polls", phase.Name, phase.Extra)
		}
	}
	if polls["trust grows"] < 1.1*polls["steady"] || polls["killed"] < 1.1*polls["steady"] {
		t.Errorf("polls without news: %v", polls)
	}
	again, err := simulate.Compose(o, p.From, p.Until, p.Length)
	if err != nil || !slices.Equal(again.Changes, p.Changes) || !slices.EqualFunc(again.Pages, p.Pages, slices.Equal) {
		t.Errorf("the same seed composes another play (%v)", err)
	}
}

func TestBadPlays(t *testing.T) {
	for name, spoil := range map[string]func(*simulate.Play){
		"no pages":       func(p *simulate.Play) { p.Pages = nil },
		"no length":      func(p *simulate.Play) { p.Length = 0 },
		"too early":      func(p *simulate.Play) { p.From = 0 },
		"many projects":  func(p *simulate.Play) { p.Pages[3] = []uint32{1, 2, 3, 4} },
		"no project":     func(p *simulate.Play) { p.Pages[3] = nil },
		"out of order":   func(p *simulate.Play) { slices.Reverse(p.Changes) },
		"acts unordered": func(p *simulate.Play) { p.Acts = []simulate.Act{{At: 2}, {At: 1}} },
	} {
		o := short()
		p, err := simulate.Compose(o, time.Second, 2*time.Second, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		spoil(p)
		o.Play = p
		if _, err := simulate.Run(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
