package gateway

import (
	"time"

	"nudge/gateway/limits"
)

// This file holds the end of a parked stream. All of it runs on the loop.

// dismiss says the last goodbye.
func (l *loop) dismiss(i uint32, p *parked, _ time.Time) {
	l.bye(i, p, *l.last)
}

// bye says goodbye, as soon as the kernel takes it.
func (l *loop) bye(i uint32, p *parked, g goodbye) {
	if p.stage >= closing {
		return
	}
	b := append(l.scratch[:0], l.rest[i]...) // a head that was not sent yet, or what is left of a frame
	delete(l.rest, i)
	b = appendEvent(b, "goodbye", g)
	l.scratch = b
	p.stage, p.why = closing, g.Reason.code()
	l.sent.goodbyes++
	if p.lag != abreast {
		l.keep(i, b)
		return
	}
	l.write(i, p, b)
	if p.fd != 0 && p.lag == abreast {
		l.finish(i, p)
	}
}

// finish ends a stream whose goodbye is on its way. The descriptor is kept until the browser has closed too.
func (l *loop) finish(i uint32, p *parked) {
	l.leave(i, p, p.why)
	p.stage = lingering
	finish(p.fd)
	if err := l.poller.change(p.fd, tag{i, p.gen}, writes); err != nil {
		l.free(i, p)
		return
	}
	l.lingers.add(i, p, time.Now())
}

// end ends a stream without a word: there is nobody to hear it.
func (l *loop) end(i uint32, p *parked, why reason) {
	if p.stage != lingering {
		l.leave(i, p, why.code())
	}
	l.free(i, p)
}

// leave counts a stream as ended, and gives up all it has but its descriptor.
func (l *loop) leave(i uint32, p *parked, why uint8) {
	l.unseat(p)
	l.recount(i, true)
	l.g.ended(limits.Parked, p.ticket, reasons[why])
}

// free closes the connection and forgets the stream.
func (l *loop) free(i uint32, p *parked) {
	closeSocket(p.fd)
	delete(l.rest, i)
	p.fd = 0
	l.streams.remove(i)
	if l.streams.live == 0 { // indices begin anew
		l.beats, l.newCadence, l.recast, l.purge, l.farewell, l.dates, l.dues = round{}, round{}, round{}, round{}, round{}, round{}, 0
	}
	l.g.released()
}
