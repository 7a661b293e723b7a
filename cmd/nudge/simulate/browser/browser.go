package browser

import "math"

// Never is a time that never comes.
var Never = math.Inf(1)

// Options are what an application decides about its pages. The zero value works.
type Options struct {
	// Fast is the interval until a gateway sends one; 0: 10 s.
	Fast Millis
	// Hidden is the least interval while the tab is hidden; 0: none.
	Hidden Millis
}

// Browser is the state of one page. Only Reduce changes it; before Start, the driver may also append to Projects. It is not safe
// for concurrent use. It may be moved, but not copied while it is in use.
type Browser struct {
	Projects []Project

	// What gateways said last.
	fast, jitter Millis
	ttl          Millis // how long the terms hold; 0: not said
	spread       Millis // of the newest event
	gap          Millis // between news-driven polls
	hidden       Millis // least interval while the tab is hidden

	// The poll loop.
	due     Millis // of the next poll by interval
	base    Millis // the interval that due was drawn from
	cycleAt Millis // when the wait for it began
	longest Millis // the longest interval since
	floor   Millis // before this time the application wants no poll except for news,
	hold    Millis // and before this time none at all
	window  window
	wide    Millis // the spread of the newest news that asked for a poll
	newsAt  Millis // when the last news-driven poll began

	flightAt Millis // when the poll in flight began
	audit    Millis // when the finding of a safety poll is checked
	quiet    Millis // until when the page sends no report

	// How long polls take: one that finds no connection takes long, and so does one of a slow application.
	overdue   Millis // when the poll in flight counts as unanswered
	enough    Millis // how long after its beginning the next one does
	usual     Millis // how long the last quick poll took
	yieldedAt Millis // when streams made way for the poll in flight
	crowdedAt Millis // when the last rest for polls began

	// The streams.
	held, fresh stream // the stream in use, and the one that shall replace it
	stepAt      Millis // when the next step is due
	grace       Millis // the poll interval kept after a goodbye; 0: none
	graceEnd    Millis
	provenSince Millis // without a gap between a stream and the one that replaced it
	lifetime    lifetime
	renewal     Millis // when the stream in use is renewed
	restsUntil  Millis // until when no stream is opened, since streams live too short
	hiddenAt    Millis // since when the tab is hidden; 0: it is not
	release     Millis // when a hidden page lets its stream go
	notBefore   Millis // a page that is shown again opens no stream before this

	streams, questions, polls uint32 // numbers given so far
	flight                    uint32 // the poll in flight; 0: none
	question                  uint32 // the one whose answer is expected; 0: none

	losses   uint16 // of the connection, in a row
	failures uint8  // of polls, in a row
	mutes    uint8  // mute streams in a row
	unopened uint8  // streams in a row that broke before their hello
	crowds   int8   // how often streams have left polls no connection
	yields   uint8  // how often they have made way for the poll in flight

	reason, hurry Cause // why due; why to poll soon after the one in flight
	step          step
	rest          rest
	push          Push
	wished        bool // a refresh
	safety        bool // the poll in flight may find what push missed
	mute          bool // the last stream was mute
	noRoom        bool // there was no room for the last stream, so the next ones may be refused
	vouch         bool // the stream is known to be alive, see Vouch
	yielding      bool // streams have made way for the poll in flight, and whether it is answered then tells
	resting       bool // streams rest, since they left polls no connection
	unseen        bool // the page has been hidden for so long that it wants no stream
	slept         bool // overdue: what had piled up while the page slept is given time
}

// New returns a page with these projects. It does nothing before Start.
func New(projects []Project, o Options) Browser {
	if !(o.Fast > 0) {
		o.Fast = 10_000
	}
	return Browser{
		Projects: projects, fast: o.Fast, jitter: 0.2, hidden: o.Hidden,
		reason: none, hurry: none, newsAt: -usualGap, gap: usualGap,
		due: Never, stepAt: Never, graceEnd: Never, audit: Never, release: Never, renewal: Never,
		overdue: Never, enough: crowded, usual: slowPoll,
		held: stream{due: Never}, fresh: stream{due: Never},
	}
}

// Due returns when the page needs a Tick; [Never]: only after another event.
func (b *Browser) Due() Millis {
	due, _ := b.next()
	return due
}

// Fast returns the interval without a stream, as a gateway sent it last.
func (b *Browser) Fast() Millis { return b.fast }

// Spread returns the spread of the newest news.
func (b *Browser) Spread() Millis { return b.spread }

// Window returns the spread of the page's last window, or of the window before it, if that was longer.
func (b *Browser) Window() Millis { return max(b.window.spread, b.window.before) }

// Interval returns the interval in force.
func (b *Browser) Interval() Millis { return b.inForce() }

// Hastened tells whether the interval is shorter than at some time since the last poll.
func (b *Browser) Hastened() bool { return b.base < b.longest }

// Proven tells whether the page has a proven stream.
func (b *Browser) Proven() bool { return b.held.state == proven }

// Streaming returns the number of the stream in use; 0: there is none.
func (b *Browser) Streaming() uint32 { return b.held.id }

// Replacing returns the number of the stream that shall replace it; 0: there is none.
func (b *Browser) Replacing() uint32 { return b.fresh.id }

// Graceful tells whether the page keeps a slow interval without a proven stream, since a gateway said goodbye.
func (b *Browser) Graceful() bool { return b.grace > 0 && b.held.state != proven }

// Vouch tells the page that its streams are alive, until it is called with false. So a driver that knows this need not send each
// heartbeat. The last event then counts as received at now.
func (b *Browser) Vouch(alive bool, now Millis) {
	b.vouch = alive
	for _, s := range []*stream{&b.held, &b.fresh} {
		if s.state == proven {
			s.lastAt = now
			s.watch(alive)
		}
	}
}

// Question is the number of the question that is under way; 0: none.
func (b *Browser) Question() uint32 { return b.question }

// Polls returns how many polls have begun, which is the number of the newest.
func (b *Browser) Polls() uint32 { return b.polls }
