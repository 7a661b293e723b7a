package stream

import (
	"testing"
	"time"
)

// in is a stream in this stage.
func in(stage Stage, f ...flags) State {
	s := State{stage: stage}
	for _, flag := range f {
		s.flags |= flag
	}
	return s
}

func (s State) closedFor(why Reason) State {
	s.stage, s.why = Closing, why.code()
	return s
}

// TestDecide names for each stage what each event leads to.
func TestDecide(t *testing.T) {
	happened := func(e Event) Input { return Input{Event: e} }
	heard := func(e Event) Input { return Input{Event: e, Listening: true} }
	changed := func(n Next) Input { return Input{Event: Changed, Next: n} }
	judged := func(o Outcome) Input { return Input{Event: Judged, Outcome: o} }
	arriving, open := in(Arriving), in(Open, settled)
	slow, slower := in(Open, settled, behind), in(Open, settled, behind, missed)
	old := in(Open, settled)
	old.EndAt(time.Unix(100, 0), Rotate)
	oldArriving := in(Arriving)
	oldArriving.EndAt(time.Unix(100, 0), Expired)

	for _, test := range []struct {
		name  string
		state State
		input Input
		next  State
		want  Action
	}{
		// A hello waits until the source listens, or until it has waited enough.
		{"arrives", arriving, happened(Arrived), arriving, Nothing},
		{"arrives, all is known", arriving, heard(Arrived), in(Open), Greet},
		{"arriving, change of one project", arriving, changed(SendHello), arriving, Nothing},
		{"arriving, change of the last project", arriving, heard(Changed), in(Open), Greet},
		{"arriving, judged", arriving, judged(SomeChanged), arriving, Nothing},
		{"arriving, judged, the rest is known", arriving, heard(Judged), in(Open), Greet},
		{"arriving, waited enough", arriving, happened(WaitedEnough), in(Open), Greet},
		{"arriving, beat", arriving, happened(Beat), arriving, Nothing},
		{"arriving, cadence", arriving, happened(NewCadence), arriving, Nothing},
		{"arriving, not due", oldArriving, Input{Event: Due, Now: 99}, oldArriving, Nothing},
		{"arriving, excluded", arriving, judged(NoneLeft), arriving.closedFor(Off), Close},
		{"arriving, revoked", arriving, judged(TakenBack), arriving.closedFor(Revoked), Close},
		{"arriving, dismissed", arriving, happened(Dismissed), arriving.closedFor(Drain), Close},
		{"arriving, replaced", arriving, happened(Replaced), arriving.closedFor(Overload), Close},
		{"replaced", open, happened(Replaced), open.closedFor(Overload), Close},
		{"arriving, sends more", arriving, happened(Overran), arriving.closedFor(Rotate), Close},
		{"arriving, due", oldArriving, Input{Event: Due, Now: 100}, oldArriving.closedFor(Expired), Close},

		// The event after the first hello comes from the timer, heartbeats come after it.
		{"new, comment due", in(Open), happened(FlushDue), in(Open), Flush},
		{"new and behind, comment due", in(Open, behind), happened(FlushDue), in(Open, behind), Nothing},
		{"new, beat", in(Open), happened(Beat), in(Open), Nothing},
		{"new, second event", in(Open), happened(SecondDue), open, Heartbeat},
		{"new, cadence", in(Open), happened(NewCadence), in(Open), Heartbeat},
		{"new, behind, second event", in(Open, behind), happened(SecondDue), slower, Nothing},

		{"open, beat", open, happened(Beat), open, Heartbeat},
		{"open, cadence", open, happened(NewCadence), open, Heartbeat},
		{"open, arrived", open, heard(Arrived), open, Nothing},
		{"open, waited enough", open, happened(WaitedEnough), open, Nothing},
		{"open, nothing new", open, changed(SendNothing), open, Nothing},
		{"open, advance", open, changed(SendAdvance), open, Advance},
		{"open, reset", open, changed(SendReset), open, Advance},
		{"open, hello", open, changed(SendHello), open, Hello},
		{"open, judged the same", open, judged(Unchanged), open, Nothing},
		{"open, judged otherwise", open, judged(SomeChanged), open, Hello},
		{"open, excluded", open, judged(NoneLeft), open.closedFor(Off), Close},
		{"open, revoked", open, judged(TakenBack), open.closedFor(Revoked), Close},
		{"open, dismissed", open, happened(Dismissed), open.closedFor(Drain), Close},
		{"open, sends more", open, happened(Overran), open.closedFor(Rotate), Close},
		{"open, writable", open, happened(Writable), open, Nothing},
		{"open, no end, due", open, Input{Event: Due, Now: 1 << 31}, open, Nothing},
		{"open, not due", old, Input{Event: Due, Now: 99}, old, Nothing},
		{"open, due", old, Input{Event: Due, Now: 100}, old.closedFor(Rotate), Close},
		{"open, long due", old, Input{Event: Due, Now: 101}, old.closedFor(Rotate), Close},
		{"open, not asked whether it is due", old, Input{Event: Beat, Now: 101}, old, Heartbeat},

		// All that a reader misses comes to one hello.
		{"behind, advance", slow, changed(SendAdvance), slower, Nothing},
		{"behind, hello", slow, changed(SendHello), slower, Nothing},
		{"behind, beat", slow, happened(Beat), slower, Nothing},
		{"behind, cadence", slow, happened(NewCadence), slower, Nothing},
		{"behind, judged otherwise", slow, judged(SomeChanged), slower, Nothing},
		{"behind, nothing new", slow, changed(SendNothing), slow, Nothing},
		{"behind, judged the same", slow, judged(Unchanged), slow, Nothing},
		{"behind, missed, advance", slower, changed(SendAdvance), slower, Nothing},
		{"behind, writable", slow, happened(Writable), open, Nothing},
		{"behind, missed, writable", slower, happened(Writable), open, Hello},
		{"behind, excluded", slow, judged(NoneLeft), slow.closedFor(Off), Close},
		{"behind, missed, dismissed", slower, happened(Dismissed), slower.closedFor(Drain), Close},
		{"uncovered stays", in(Open, settled, uncovered, behind, missed), happened(Writable), in(Open, settled, uncovered), Hello},
	} {
		t.Run(test.name, func(t *testing.T) {
			next, action := test.state.Decide(test.input)
			if next != test.next || action != test.want {
				t.Errorf("action %d, state %+v; want %d, %+v", action, next, test.want, test.next)
			}
		})
	}
}

// Nothing follows a goodbye, whatever happens.
func TestNothingAfterGoodbye(t *testing.T) {
	for _, stage := range []Stage{Closing, Lingering} {
		for event := Arrived; event <= Writable; event++ {
			s := in(stage, settled, behind, missed)
			s.EndAt(time.Unix(1, 0), Expired)
			for _, input := range []Input{
				{Event: event, Listening: true, Next: SendHello, Outcome: TakenBack, Now: 5},
				{Event: event, Listening: true, Next: SendAdvance, Outcome: SomeChanged, Now: 5},
			} {
				if next, action := s.Decide(input); next != s || action != Nothing {
					t.Errorf("stage %d, event %d: action %d, %+v", stage, event, action, next)
				}
			}
		}
	}
}

func TestFellBehind(t *testing.T) {
	for _, test := range []struct {
		all  bool
		want Action // when it is writable again, though nothing happened
	}{{false, Nothing}, {true, Hello}} {
		s := in(Open)
		s.FellBehind(test.all)
		if !s.Behind() {
			t.Error("not behind")
		}
		s, got := s.Decide(Input{Event: Writable})
		if got != test.want || s.Behind() {
			t.Errorf("%+v: action %d, behind %v", test, got, s.Behind())
		}
		if _, got = s.Decide(Input{Event: Writable}); got != Nothing {
			t.Errorf("%+v: %d once more", test, got)
		}
	}
	s := in(Open)
	s.FellBehind(true)
	s.FellBehind(false) // a part of what follows was taken: what was missed before is still missed
	if _, got := s.Decide(Input{Event: Writable}); got != Hello {
		t.Errorf("a reader that missed something is sent %d", got)
	}
}
