package browser

// Millis is a time or a duration in milliseconds. Times count from wherever the driver likes, but must be above 0
// and never go back.
type Millis = float64

// Kind is what an [Event] is.
type Kind uint8

const (
	// Start begins a page. It comes first, and once.
	Start Kind = iota
	// Tick: the time has come that Due named. One that comes too early does nothing.
	Tick
	// Leave: the page goes, or is frozen. Back: it is there again.
	Leave
	Back
	// Online: there is a network again.
	Online
	// Hidden and Visible tell of the tab.
	Hidden
	Visible
	// Heard: an event of the stream Number came, with Name and Message.
	Heard
	// Lost: the stream Number broke, or could not be opened.
	Lost
	// Replied: the gateway answered the question Number, with Status, RetryAfter and, if there is a body, Message.
	Replied
	// Failed: the question Number got no answer.
	Failed
	// Polled: the application answered the poll Number with Versions; RetryAfter and PollInterval as its headers
	// say. Unpolled: it failed, RetryAfter as the error says.
	Polled
	Unpolled
	// Refresh: the page wants to poll now.
	Refresh
)

// Name is what kind of event came on a stream.
type Name uint8

const (
	Hello Name = iota
	Version
	Heartbeat
	Goodbye
)

// Event is what happens to a page. A driver may use one again and again: nothing is kept of it.
type Event struct {
	Kind   Kind
	Name   Name
	Number uint32 // of the stream, question or poll, as its effect named it
	Status int
	// RetryAfter and PollInterval are waits that headers ask for; 0: they do not.
	RetryAfter, PollInterval Millis
	// Message is what the gateway says; nil: nothing.
	Message *Message
	// Versions is what the poll found, in the order of the page's projects; below 0: nothing about it. nil: nothing about any.
	Versions []int64
}

// Push is what a gateway says of push.
type Push uint8

const (
	Unsaid Push = iota
	Down
	Degraded
	Healthy
	Off
)

// Message is the data of a stream's event, or the body of an answer. Of what is absent it has the zero value, but
// for Jitter and Version, which then are negative.
type Message struct {
	Push                  Push
	Poll, Fast, Heartbeat Millis
	Jitter                float64
	Spread                Millis
	// Gap is how far apart news-driven polls are. A cadence without it means 1 s; negative: they may follow each other.
	Gap Millis

	// Said is what a hello tells of each project of the page, in their order.
	Said []Said

	// What an advance tells.
	Project int
	Version int64
	Reset   bool

	// What a goodbye tells.
	Reason Reason
	After  Millis

	// What /poll-interval tells. Denied and Excluded: no project of the page is left.
	TTL, ConnectAfter          Millis
	Denied, Excluded, Refusing bool
}

// silence is an empty message.
var silence = Message{Jitter: -1, Version: -1}

// Said is what a hello tells of one project.
type Said struct {
	Standing Standing
	Version  int64 // if it is known
}

// Standing is what a project is to a hello.
type Standing uint8

const (
	// Unserved: it has to wait, or is denied, or off.
	Unserved Standing = iota
	// Unknown: the gateway cannot vouch for its version.
	Unknown
	Known
)

// Reason is why a gateway says goodbye.
type Reason uint8

const (
	Drain Reason = iota
	Rotate
	OffNow
	Expired
	Revoked
	Overload
)

// Effect is what a page wants done.
type Effect struct {
	Kind   EffectKind
	Reason Cause  // why it polls
	Number uint32 // of the stream, question or poll
	// Project is an index, and Version what is reported of it.
	Project int
	Version int64
}

// EffectKind is what an [Effect] is.
type EffectKind uint8

const (
	// Open: open a stream for all projects of the page; Project.Mark is what to ask for each.
	Open EffectKind = iota
	// Close: close it. There may be no stream of that number any more.
	Close
	// Ask: GET /poll-interval. Replied or Failed is to follow.
	Ask
	// Poll: ask the application what each project has since Project.Have.
	Poll
	// Abort: the poll of that number is not waited for any more.
	Abort
	// Report: tell POST /missed that a poll has found Version.
	Report
)

// Cause is why a page polls.
type Cause uint8

const (
	Interval Cause = iota
	News
	Behind
	Retry
	Return
	Network
	Wish
	none // there is none
)
