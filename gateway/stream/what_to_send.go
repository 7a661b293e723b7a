package stream

// Event is what happened to a stream.
type Event uint8

const (
	Arrived      Event = iota // its loop has it now
	Changed                   // one of its projects changed: Input.Next
	WaitedEnough              // HelloMost is over
	FlushDue                  // FlushAfter is over
	SecondDue                 // SecondEvent is over
	Beat                      // a heartbeat is due
	NewCadence                // the cadence changed
	Judged                    // its access was decided again: Input.Outcome
	Due                       // Ends may be over: Input.Now
	Dismissed                 // the gateway is leaving
	Replaced                  // its subject has too many streams, and it is the oldest
	Overran                   // the browser sent more than its request
	Writable                  // the unsent rest was sent, and the connection takes more
)

// Input is an event, and what [State.Decide] must know about it.
type Input struct {
	Event
	Listening bool    // of an arriving stream: the source listens for all served projects
	Next      Next    // of Changed: what [LastSent.Follow] decided
	Outcome   Outcome // of Judged
	Now       uint32  // of Due: Unix second
}

// Action is what to send to a stream.
type Action uint8

const (
	Nothing   Action = iota
	Greet            // the first hello, with retry field and padding
	Flush            // a comment, so that proxies pass on what they hold: [Comment]
	Hello            // a hello: it replaces everything that was sent before
	Advance          // the event of the change: [Frame.Event]
	Heartbeat        // the heartbeat of the present cadence
	Close            // a goodbye with the reason Why
)

// Decide returns what to send because of an event, and the State after that. It is a pure function.
func (s State) Decide(in Input) (State, Action) {
	if s.stage >= Closing {
		return s, Nothing
	}
	switch {
	case in.Event == Dismissed:
		return s.closing(Drain)
	case in.Event == Replaced:
		return s.closing(Overload)
	case in.Event == Overran:
		return s.closing(Rotate)
	case in.Event == Due && s.ends != 0 && s.ends <= in.Now:
		return s.closing(reasons[s.why])
	case in.Event == Judged && in.Outcome == NoneLeft:
		return s.closing(Off)
	case in.Event == Judged && in.Outcome == TakenBack:
		return s.closing(Revoked)
	}
	if s.stage == Arriving {
		if in.Event != WaitedEnough && !in.Listening {
			return s, Nothing
		}
		s.stage = Open
		return s, Greet
	}
	action := Nothing
	switch {
	case in.Event == Writable:
		if s.flags&missed != 0 {
			action = Hello
		}
		s.flags &^= behind | missed
	case in.Event == FlushDue && !s.Behind(): // else the rest of the hello does the same
		action = Flush
	case in.Event == SecondDue:
		s.flags |= settled
		action = Heartbeat
	case in.Event == NewCadence, in.Event == Beat && s.flags&settled != 0:
		action = Heartbeat
	case in.Event == Judged && in.Outcome == SomeChanged, in.Event == Changed && in.Next == SendHello:
		action = Hello
	case in.Event == Changed && in.Next != SendNothing:
		action = Advance
	}
	// A stream that is behind gets one hello later, in place of all events that it missed. So at most one event waits for each
	// stream.
	if action != Nothing && s.Behind() {
		s.flags |= missed
		return s, Nothing
	}
	return s, action
}

func (s State) closing(why Reason) (State, Action) {
	s.stage, s.why = Closing, why.code()
	return s, Close
}
