package loop

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing/synctest"
	"time"

	"nudge/gateway/stream"
	"nudge/version"
)

// late is by how much the loop may be late: it visits streams together that are due within one tick.
const late = 50 * time.Millisecond

// reader is a browser that checks what it gets. Its fields are guarded by browser.mu.
type reader struct {
	*browser
	life   *life
	ticket Ticket
	owner  int
	has    [3]bool // projects that it asked for
	denied [3]bool // of these, those that its token lacks
	ends   bool    // at a time of its own
	opened time.Time

	slow   bool   // it does not read now
	steady bool   // it has always read
	text   []byte // of an event that is not whole yet
	wrong  error  // the first thing that must not be
	events []string

	greeted time.Time // zero: no hello yet
	proven  bool      // another event came 0.5 to 5 s after it
	beat    time.Time // since when it is silent but for hellos and versions
	goodbye stream.Reason
	bye     time.Time
	knows   [3]knowledge
}

// knowledge is what a page knows of a project.
type knowledge struct {
	list    string // of the newest hello: versions, unknown, waiting, denied or off
	known   bool
	version version.Version
}

func (r *reader) fail(format string, args ...any) {
	if r.wrong == nil {
		r.wrong = fmt.Errorf(format, args...)
	}
}

// hear takes what comes from the line.
func (r *reader) hear(p []byte) {
	r.text = append(r.text, p...)
	for {
		text, rest, whole := strings.Cut(string(r.text), "\n\n")
		if !whole {
			return
		}
		r.text = []byte(rest)
		if len(r.events) == 0 {
			begin, ok := strings.CutPrefix(text, head)
			if !ok || !strings.HasPrefix(begin, "retry: ") && !strings.HasPrefix(begin, "event: goodbye") {
				r.fail("the stream begins with %q", text)
			}
			text = begin
		}
		event := r.event(text)
		if event == "" && !strings.HasPrefix(text, ":") {
			r.fail("got %q", text)
		}
		if event != "" {
			r.events = append(r.events, event)
			r.follow(event)
		}
	}
}

func (r *reader) follow(event string) {
	now := time.Now()
	words := strings.Fields(event)
	switch {
	case r.goodbye != "":
		r.fail("%q comes after goodbye", event)
	case words[0] == "goodbye":
		r.goodbye, r.bye = stream.Reason(words[1]), now
	case words[0] == "hello":
		r.followHello(words[1:])
		if r.greeted.IsZero() {
			r.greeted, r.beat = now, now
		}
		return
	case r.greeted.IsZero():
		r.fail("%q comes before a hello", event)
	case words[0] == "heartbeat":
		r.checkSilence(now)
		r.beat = now
	default:
		r.followVersion(words)
	}
	if since := now.Sub(r.greeted); since >= 500*time.Millisecond && since <= 5*time.Second {
		r.proven = true
	}
}

func (r *reader) followHello(words []string) {
	var said [3]knowledge
	for _, word := range words {
		var k knowledge
		list, id, listed := strings.Cut(word, ":")
		if listed {
			k.list = list
		} else {
			var number string
			id, number, _ = strings.Cut(word, "@")
			v, _ := strconv.ParseInt(number, 10, 64)
			k = knowledge{list: "versions", known: true, version: version.Version(v)}
		}
		p := int(id[0] - 'a')
		if said[p].list != "" || !r.has[p] {
			r.fail("hello names %s, and should not", id)
		}
		if r.denied[p] != (k.list == "denied") && !r.life.revoked[r.owner][p] {
			r.fail("%s is %s, though the token lacks it: %v", id, k.list, r.denied[p])
		}
		if k.list == "waiting" && r.greeted.IsZero() && time.Since(r.opened) < stream.HelloMost {
			r.fail("the first hello did not wait for %s", id)
		}
		said[p] = k
	}
	for p := range ids {
		if r.has[p] && said[p].list == "" {
			r.fail("hello does not name %s", ids[p])
		}
	}
	r.knows = said
}

func (r *reader) followVersion(words []string) {
	id, number, _ := strings.Cut(words[0], "@")
	n, _ := strconv.ParseInt(number, 10, 64)
	v, k := version.Version(n), &r.knows[id[0]-'a']
	reset := len(words) > 1
	switch {
	case k.list == "" || k.list == "denied" || k.list == "off":
		r.fail("%s is sent, though it is %q", words, k.list)
	case reset && !k.known:
		r.fail("%s is sent to a page that knows nothing", words)
	case !reset && k.known && v <= k.version:
		r.fail("%s is sent after %d", words, k.version)
	}
	k.known, k.version = true, v
}

func (r *reader) checkSilence(now time.Time) {
	if silent := now.Sub(r.beat); !r.slow && silent > heartbeat+late {
		r.fail("silent for %v", silent)
	}
}

// do does a step of a life that is about one reader.
func (r *reader) do(s step) error {
	if r.ended() {
		return nil
	}
	rooms := []int{0, 1, 20, 60, 300, 2000}
	switch s.Do {
	case "stall":
		r.stopReading()
		r.stall(rooms[s.N%len(rooms)])
	case "sip":
		r.stopReading()
		r.sip(rooms[s.N%len(rooms)])
	case "read":
		return r.readAll()
	case "break":
		r.breakLine()
	case "leave":
		r.leave()
	case "extra":
		if r.life.parked && r.interest&OnSent != 0 {
			r.tell(Event{Sent: true})
		}
	}
	return nil
}

func (r *reader) stopReading() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slow, r.steady = true, false
}

// readAll makes the reader read again. What comes then is the rest of an event, and one more at most: what was missed is
// not queued.
func (r *reader) readAll() error {
	if r.ended() || r.broken != nil {
		return nil
	}
	if r.life.Loop != nil { // it does together what is due within one tick; what is due by now must not be added below
		r.life.Wake()
		synctest.Wait()
	}
	before := len(r.events)
	r.read()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slow {
		r.slow, r.beat = false, time.Now()
	}
	if came := r.events[before:]; len(came) > 2 {
		return fmt.Errorf("%q waited for a reader", came)
	}
	return nil
}

// check returns the first thing that is not as it must be now, when nothing is on its way.
func (l *life) check() error {
	l.rig.mu.Lock()
	defer l.rig.mu.Unlock()
	for i, r := range l.readers {
		if err := r.check(); err != nil {
			return fmt.Errorf("reader %d: %w", i, err)
		}
	}
	return nil
}

func (r *reader) check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	given := r.life.tickets[r.ticket]
	switch {
	case r.wrong != nil:
		return r.wrong
	case r.bad != "":
		return errors.New(r.bad)
	case len(given) > 1:
		return fmt.Errorf("ended %d times: %v", len(given), given)
	case r.closed && len(given) != 1:
		return errors.New("closed, but not ended")
	case r.closed && r.why != given[0]:
		return fmt.Errorf("closed because it is %s, ended because it is %s", r.why, given[0])
	case r.goodbye != "" && (len(given) != 1 || given[0] != r.goodbye):
		return fmt.Errorf("goodbye %s, but ended %v", r.goodbye, given)
	case r.goodbye != "" && !r.closed && now.Sub(r.bye) > lingerMost+late:
		return errors.New("not closed long after the goodbye")
	case r.closed && r.goodbye == "" && given[0] != stream.Gone:
		return fmt.Errorf("%s without a goodbye", given[0])
	case r.closed || r.goodbye != "" || r.slow || r.broken != nil:
		return nil
	case !r.life.leaving.IsZero() && now.After(r.life.leaving):
		return errors.New("not dismissed")
	case r.ends && now.Sub(r.opened) > 21*time.Second+late:
		return errors.New("older than it may get")
	case r.greeted.IsZero() && now.Sub(r.opened) > stream.HelloMost+late:
		return errors.New("no hello")
	case r.steady && !r.greeted.IsZero() && !r.proven && now.Sub(r.greeted) > stream.SecondEvent+late:
		return errors.New("no second event")
	}
	if !r.greeted.IsZero() {
		r.checkSilence(now)
	}
	if err := r.checkKnowledge(now); err != nil {
		return err
	}
	return r.wrong
}

// checkKnowledge compares what the page knows with the board.
func (r *reader) checkKnowledge(now time.Time) error {
	ramping := now.Before(r.life.ramp)
	served, heard := false, true
	for p, id := range ids {
		if !r.has[p] {
			continue
		}
		k, s, want := r.knows[p], r.life.board.State(r.life.project(id)), "served"
		switch {
		case r.denied[p] || r.life.revoked[r.owner][p]:
			want = "denied"
		case r.life.off[r.owner][p]:
			want = "off"
		}
		served = served || want == "served"
		heard = heard && (want != "served" || s.Listening)
		switch is := k.list; {
		case r.greeted.IsZero():
		case is == "denied" || want == "denied":
			if is != want {
				return fmt.Errorf("%s is %s, should be %s", id, is, want)
			}
		case is == "off" || want == "off":
			if is != want && !ramping {
				return fmt.Errorf("%s is %s, should be %s", id, is, want)
			}
		case !s.Listening: // it stands what was believed, or what came meanwhile
		case is == "waiting" || k.known != s.Known || k.version != s.Version:
			return fmt.Errorf("%s: the page knows %+v, the board %+v", id, k, s)
		}
	}
	switch {
	case !served && !ramping:
		return errors.New("open, though nothing is left to see")
	case r.greeted.IsZero() && heard && !ramping:
		return errors.New("no hello, though everything is known")
	}
	return nil
}

// checkEnd returns what is left though all streams have ended.
func (l *life) checkEnd() error {
	synctest.Wait()
	if err := l.check(); err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	for i, r := range l.readers {
		if !r.ended() || len(l.tickets[r.ticket]) != 1 {
			return fmt.Errorf("reader %d has not ended: %v", i, l.tickets[r.ticket])
		}
	}
	if l.uncovered != 0 || l.parked && l.closed != len(l.readers) {
		return fmt.Errorf("%d uncovered, %d sockets closed of %d", l.uncovered, l.closed, len(l.readers))
	}
	if l.Loop != nil {
		l.stop()
		if n := l.streams.live + l.subs.live + l.shards.live + len(l.lines) + len(l.rest) + l.sockets; n != 0 {
			return fmt.Errorf("%d streams, %d subscriptions, %d shards, %d lines, %d rests, %d sockets are left",
				l.streams.live, l.subs.live, l.shards.live, len(l.lines), len(l.rest), l.sockets)
		}
	}
	l.pass(2 * time.Minute) // projects linger for one
	if l.hub.Projects() != 0 || l.board.Len() != 0 {
		return fmt.Errorf("%d projects are left", l.hub.Projects())
	}
	return nil
}
