package browser

// A question without an answer for this long has failed.
const questionPatience = 15_000

// step is what comes next for the connection.
type step uint8

const (
	nothing step = iota
	askTerms
	openStream
	giveUp // the question was not answered in time
	resume // the poll in flight is not answered though streams have made way for it
)

// rest is why the page does not try a stream now. Only a pause that the page itself chose may be ended early.
type rest uint8

const (
	own     rest = iota
	asked        // the gateway said when to come back
	refused      // the gateway has said no for now
	gone         // the page has been left
)

// wait replaces the step that was pending or under way.
func (t *turn) wait(ms Millis, next step, how rest) {
	t.question, t.yielding, t.resting = 0, false, false
	t.rest, t.step, t.stepAt = how, next, t.now+ms
}

func (t *turn) take(s step) {
	switch s {
	case askTerms:
		t.ask()
	case openStream:
		t.open()
	case giveUp:
		t.failed(0)
	case resume:
		t.slow()
	case nothing:
	}
}

// ask asks /poll-interval, which may say why a stream ended. No answer in time is a failure.
func (t *turn) ask() {
	b := t.Browser
	b.questions++
	b.question = b.questions
	b.step, b.stepAt = giveUp, t.now+questionPatience
	t.do(Effect{Kind: Ask, Number: b.question})
}
