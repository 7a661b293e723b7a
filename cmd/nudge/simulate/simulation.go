package simulate

import (
	"math/rand/v2"
	"strconv"
	"time"

	"nudge/cmd/nudge/simulate/browser"
	"nudge/version"
)

// The kinds of timers: each page, project and gateway has one of each of its kinds. Their numbers follow this order.
const (
	// Of a page.
	tick            = iota // the shim's own timer
	answer                 // the application answers its poll
	streamA                // the next step of one of its two streams
	streamB                // the same for the other
	reply                  // a gateway answers its question
	visibilityTimer        // the tab is shown, hidden, put to sleep or closed
	pageEnds               // how many kinds a page has
)

const (
	// Of a project.
	advance     = iota // it changes
	deliver            // news of it reaches the pages
	projectEnds        // how many kinds a project has
)

const (
	// Of a gateway.
	probe       = iota // it sends a probe and receives it
	decide             // its pacer decides anew
	sweepTimer         // the next slice of goodbyes, or of a change of the flag
	connect            // it tries to reach Redis
	lifecycle          // it starts, becomes ready, drains
	gatewayEnds        // how many kinds a gateway has
)

const (
	// Latencies in milliseconds.
	toRedis = 1 // between gateway and Redis, there and back
	writing = 5 // from a message to the last of its events, on average
)

// epoch is when the simulation begins, for code that needs dates.
var epoch = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

// simulation is the state of a simulation. Only one goroutine uses it.
type simulation struct {
	o           Options
	timers      *timers
	dice        *rand.Rand
	random      func() float64
	pages       []page
	streams     slab
	projects    []project
	names       []version.Project // of projects, on the boards of gateways
	gateways    []*gateway
	redis       redis
	application application
	tally       *tally
	script      []Act    // what is still to come
	changes     []Change // of a play, still to come
	off         bool     // the flag
	rolling     bool     // a deploy is under way
	begun       int64    // when the measurement begins
	ends        int64

	effects        []browser.Effect // of the present event
	event          browser.Event
	said           []browser.Said
	greeting, news browser.Message
	found          []int64
}

func newSimulation(o Options) *simulation {
	dice := rand.New(rand.NewPCG(o.Seed, 0x6e75646765))
	var projects []project
	var named [][]uint32
	if o.Play != nil {
		projects, named = make([]project, o.Projects), o.Play.Pages
	} else {
		projects, named = cast(o, dice)
	}
	n, m := o.Browsers, o.Projects
	w := &simulation{
		o: o, dice: dice, random: dice.Float64, projects: projects, pages: make([]page, n),
		timers: newTimers(pageEnds*n + projectEnds*m + gatewayEnds*o.Gateways + 3),
		begun:  o.warm(), said: make([]browser.Said, most), found: make([]int64, most),
	}
	w.application = application{capacity: o.Capacity, latency: float64(o.Latency.Milliseconds())}
	w.off = o.Off
	w.ends = w.begun + int64(o.Hours*3_600_000)
	if o.Play != nil {
		w.ends = o.Play.Length.Milliseconds() + 1 // so that its last second ends, too
	}
	for i := range m {
		p, err := version.ParseProject(strconv.Itoa(i))
		if err != nil {
			panic(err) // cannot happen: a number is a valid project id
		}
		w.names = append(w.names, p)
	}
	w.tally = newTally(w)
	for i := range o.Gateways {
		w.gateways = append(w.gateways, newGateway(w, i))
	}
	for i := range w.pages {
		w.pages[i].owns = uint8(copy(w.pages[i].own[:], named[i]))
		// Tabs open evenly over one interval, so that the fleet is settled from the beginning.
		opens := 1000 + int64(w.random()*float64(o.Policy.Slow.Milliseconds()))
		if o.Play != nil {
			opens = o.Play.Opens(i).Milliseconds()
		}
		w.timers.set(w.ofPage(visibilityTimer, uint32(i)), opens)
	}
	if o.Play != nil {
		w.changes = o.Play.Changes
		w.awaitChange()
	}
	for i := range w.projects {
		w.plan(uint32(i))
	}
	w.script = w.play()
	w.timers.set(w.second(), 1000)
	return w
}

func (w *simulation) ofPage(kind int, i uint32) uint32 { return 1 + uint32(kind*len(w.pages)) + i }

func (w *simulation) ofProject(kind int, i uint32) uint32 {
	return 1 + uint32(pageEnds*len(w.pages)+kind*len(w.projects)) + i
}

func (w *simulation) ofGateway(kind, i int) uint32 {
	return 1 + uint32(pageEnds*len(w.pages)+projectEnds*len(w.projects)+kind*w.o.Gateways+i)
}

// change, second and act are the timers of the next change of a play, of each second, and of the next act of the script.
func (w *simulation) change() uint32 { return uint32(len(w.timers.items) - 3) }
func (w *simulation) second() uint32 { return uint32(len(w.timers.items) - 2) }
func (w *simulation) act() uint32    { return uint32(len(w.timers.items) - 1) }

func (w *simulation) now() int64 { return w.timers.now }
func (w *simulation) date() time.Time {
	return epoch.Add(time.Duration(w.timers.now) * time.Millisecond)
}

// run runs the simulation to its end.
func (w *simulation) run() {
	if len(w.script) > 0 {
		w.timers.set(w.act(), w.begun+w.script[0].At.Milliseconds())
	}
	for ; w.timers.now < w.ends; w.timers.now++ {
		for n := w.timers.next(); n != 0; n = w.timers.next() {
			w.happen(n)
		}
	}
	w.tally.finish()
}

func (w *simulation) happen(n uint32) {
	i := int(n) - 1
	if i < pageEnds*len(w.pages) {
		w.happenToPage(i/len(w.pages), uint32(i%len(w.pages)))
		return
	}
	if i -= pageEnds * len(w.pages); i < projectEnds*len(w.projects) {
		if i < len(w.projects) {
			w.advance(uint32(i))
		} else {
			w.deliver(uint32(i - len(w.projects)))
		}
		return
	}
	if i -= projectEnds * len(w.projects); i < gatewayEnds*w.o.Gateways {
		w.gateways[i%w.o.Gateways].happen(i / w.o.Gateways)
		return
	}
	switch n {
	case w.change():
		project := w.changes[0].Project
		w.changes = w.changes[1:]
		w.awaitChange()
		w.advance(project)
		return
	case w.second():
		w.tally.second()
		if w.o.Progress != nil && w.now()%60_000 == 0 {
			w.o.Progress(float64(w.now()) / float64(w.ends))
		}
		w.timers.set(n, w.now()+1000)
		return
	}
	a := w.script[0]
	w.script = w.script[1:]
	if a.Phase != "" {
		w.tally.phase()
	}
	if a.Do != nil {
		a.Do(w)
	}
	if len(w.script) > 0 {
		w.timers.set(w.act(), w.begun+w.script[0].At.Milliseconds())
	}
}

func (w *simulation) awaitChange() {
	if len(w.changes) > 0 {
		w.timers.set(w.change(), w.changes[0].At.Milliseconds())
	}
}
