package replay

import (
	"context"
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"

	"nudge/cmd/nudge/simulate/browser"
)

// page is one page. Only its own goroutine uses it; goroutines that wait for an answer or read a stream send it events.
type page struct {
	browser.Browser
	crowd   *Crowd
	number  int
	numbers []uint32 // of its projects
	names   []string // the same
	token   string
	dice    *rand.Rand
	inbox   chan browser.Event
	due     float64 // when the event that it is given should have come: the machine may be late
	streams map[uint32]context.CancelFunc
	abort   context.CancelFunc // the poll in flight
	effects []browser.Effect
	promises
}

func newPage(c *Crowd, number int) *page {
	p := &page{
		crowd: c, number: number, numbers: c.Play.Pages[number], token: c.Token(number), dice: dice(number),
		inbox: make(chan browser.Event), streams: map[uint32]context.CancelFunc{}, abort: func() {},
	}
	for _, n := range p.numbers {
		p.names = append(p.names, Name(n))
	}
	return p
}

// run is the page's life: it opens at its time, and closes when ctx ends.
func (p *page) run(ctx context.Context) {
	if !wait(ctx, p.crowd.begun.Add(p.crowd.Play.Opens(p.number))) {
		return
	}
	has := make([]browser.Project, len(p.numbers))
	for i, n := range p.numbers {
		has[i] = browser.At(p.crowd.app.version(n))
	}
	p.Browser = browser.New(has, browser.Options{Fast: millis(p.crowd.Policy.Fast)})
	p.crowd.stats.opened()
	p.begin(p.crowd.now())
	p.give(ctx, &browser.Event{Kind: browser.Start})
	p.drawn = p.Interval()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		// Rounded up: a tick that comes too early does nothing.
		due := p.Due()
		timer.Reset(time.Until(p.crowd.begun.Add(time.Duration(due*float64(time.Millisecond)) + time.Microsecond)))
		select {
		case <-ctx.Done():
			return
		case e := <-p.inbox:
			p.due = p.crowd.now()
			p.give(ctx, &e)
		case <-timer.C:
			p.due = due
			p.crowd.stats.ticked(p.crowd.now() - due)
			p.give(ctx, &browser.Event{Kind: browser.Tick})
		}
	}
}

// give gives the page an event, and does the effects that the page returns.
func (p *page) give(ctx context.Context, e *browser.Event) {
	now := p.crowd.now()
	if e.Kind == browser.Polled && e.Number == p.Polls() {
		p.learn(now, e.Versions)
	}
	p.effects = p.Reduce(e, now, p.dice.Float64, p.effects[:0])
	p.told()
	if e.Kind == browser.Polled {
		p.drawn = p.Interval()
	}
	for _, effect := range p.effects {
		p.do(ctx, effect)
	}
}

func (p *page) do(ctx context.Context, e browser.Effect) {
	switch e.Kind {
	case browser.Open:
		one, end := context.WithCancel(ctx)
		p.streams[e.Number] = end
		path := "/events?" + p.query((*browser.Project).Mark)
		p.crowd.tasks.Go(func() { p.listen(one, e.Number, path) })
	case browser.Close:
		if end := p.streams[e.Number]; end != nil {
			end()
			delete(p.streams, e.Number)
		}
	case browser.Ask: // the terms: a page whose token never expires asks nothing else
		path := "/poll-interval?" + p.query((*browser.Project).Mark)
		p.crowd.tasks.Go(func() { p.ask(ctx, e.Number, path) })
	case browser.Poll:
		one, end := context.WithCancel(ctx)
		p.abort = end
		url := p.crowd.url + "/?" + p.query(func(b *browser.Project) int64 { return b.Have })
		p.polls(e.Reason)
		p.crowd.tasks.Go(func() {
			defer end()
			p.poll(one, ctx, e.Number, url)
		})
	case browser.Abort:
		p.abort()
	case browser.Report:
		body := `{"project":"` + p.names[e.Project] + `","version":` + strconv.FormatInt(e.Version, 10) +
			`,"named":` + strconv.FormatInt(p.Projects[e.Project].Mark(), 10) + `}`
		p.crowd.stats.reported()
		p.crowd.tasks.Go(func() { p.report(ctx, body) })
	}
}

// query names the page's projects, each with a version.
func (p *page) query(version func(*browser.Project) int64) string {
	q := url.Values{}
	for i, name := range p.names {
		q.Add("project", name+"@"+strconv.FormatInt(version(&p.Projects[i]), 10))
	}
	return q.Encode()
}

// send gives the page an event from another goroutine.
func (p *page) send(ctx context.Context, e browser.Event) {
	select {
	case <-ctx.Done():
	case p.inbox <- e:
	}
}
