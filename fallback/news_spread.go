package fallback

import (
	"math"
	"time"
)

// Room is how many polls for news the application can take.
type Room struct {
	// Rate is how many polls for news it can take in a second: its capacity, less the polls that come without news. At 0 or
	// less, or NaN, all news is spread over Longest.
	Rate float64
	// Few is how many browsers count as few. So many browsers in a second get their
	// news without a spread, whatever other news there is.
	Few float64
	// Browsers is how many browsers have a stream, and so may get news.
	Browsers int
	// Longest bounds every spread.
	Longest time.Duration
}

const (
	// least is the shortest spread. A shorter one would be useless: all those polls fall into one second anyway.
	least = time.Second
	// News with a short spread may take shortShare of what is left of the part for short spreads. News with a long one may
	// take longShare of it. Browsers that are asked one by one may take askShare of the whole part.
	shortShare = 2.0 / 3
	longShare  = 0.9
	askShare   = 0.5
	// keptForFew is the share of the room that is kept for news of few. forShort is the share of the rest for short spreads.
	keptForFew = 0.05
	forShort   = 2.0 / 3
	// Two of the longest spreads have about so many slots. The booked rate is constant
	// within a slot. No slot is shorter than shortestSlot.
	slots        = 1024
	shortestSlot = time.Second / 8
)

// Backlog knows the polls that news caused and that have not come yet. It decides over which time the polls for the next
// news are spread. Callers pass all news to [Backlog.Announce]. It holds no clock, and is not safe for concurrent use. Its
// zero value has no room.
//
// The browsers that get some news poll evenly over its spread, beginning now. The sum of these rates must never exceed the
// room, in any second to come, although the next news is unknown. So the room has three parts:
//
//   - A twentieth is kept for news of few browsers, which never wait for others.
//   - Two thirds of the rest are for short spreads. News may take two thirds of
//     what is left of this part, so that something is always left for the next. News
//     that fits has no spread. Other news gets the spread with which it fits.
//   - The last third is for news of so many browsers that such a spread would be too
//     long. It is enough for all browsers to poll once within one long spread. No
//     browser polls more than once in a window, so this news always fits. It also
//     takes some of the part for short spreads, to be over sooner.
type Backlog struct {
	room             Room
	few, short, long lane // what is booked of each part

	base  time.Time
	slot  time.Duration
	first int64 // number of the slot that began at base
	at    int64 // number of the present slot
}

// Window is what [Backlog] remembers of one project: the time in which its watchers poll, and the following one if there was
// more news meanwhile. Its zero value is a project without news.
type Window struct {
	end, next int32   // slots in which this window and the following one end; next 0: there is none
	rate      float32 // polls per second booked for this window in the part for short spreads
	nextRate  float32 // the same for the following one
	spread    uint32  // of the newest news, in milliseconds
}

// Resize sets the room from now on. What was announced stays booked, unless Longest has changed.
func (b *Backlog) Resize(r Room, now time.Time) {
	if !(r.Rate > 0) || math.IsInf(r.Rate, 1) {
		r.Rate = 0
	}
	if !(r.Few > 0) {
		r.Few = 0
	}
	r.Browsers, r.Longest = max(0, r.Browsers), max(0, r.Longest)
	b.room = r
	slot := max(shortestSlot, 2*r.Longest/(slots-16))
	if slot == b.slot {
		return
	}
	// Slots of another length: all that was booked is forgotten. The new slots are numbered behind all old windows.
	b.base, b.first, b.slot = now, b.at+slots, slot
	b.at, b.few, b.short, b.long = b.first, lane{}, lane{}, lane{}
}

// Announce books news at now for the browsers that watch the project of w, and returns its spread, in whole milliseconds: 0,
// or from a second to Longest. A browser that has yet to poll for older news is not booked again. One that has polled
// already polls again in the following window, which begins where this one ends.
func (b *Backlog) Announce(w *Window, browsers int, now time.Time) time.Duration {
	if b.slot == 0 {
		return 0
	}
	b.advance(now)
	if w.next != 0 && int64(w.end) <= b.at {
		w.end, w.rate, w.next = w.next, w.nextRate, 0
	}
	if int64(w.end) <= b.at {
		*w = b.news(browsers, Window{end: int32(b.at)})
	} else if w.next == 0 {
		next := b.news(browsers, *w)
		w.next, w.nextRate, w.spread = next.end, next.rate, next.spread
	}
	return time.Duration(w.spread) * time.Millisecond
}

// Ask books browsers that are asked to poll at now one by one, such as by a hello, and returns their spread. Very many may
// be asked at the same time, and few of them have a reason to poll. So they leave room for news.
func (b *Backlog) Ask(browsers int, now time.Time) time.Duration {
	if b.slot == 0 {
		return 0
	}
	b.advance(now)
	_, short, long := b.parts()
	w := b.book(browsers, Window{end: int32(b.at)}, askShare*short, long)
	return time.Duration(w.spread) * time.Millisecond
}

// news decides in which window the browsers of some news poll, and books it. That window follows w.
func (b *Backlog) news(browsers int, w Window) Window {
	few, short, long := b.parts()
	n := float64(browsers)
	if n > shortShare*(short-b.busy(w)) && n <= b.room.Few && n <= few-b.few.peak(b.at, b.few.end) {
		from := int64(w.end)
		end := b.after(from, least)
		b.few.book(n, from, end)
		return Window{end: int32(end)}
	}
	return b.book(browsers, w, short, long)
}

// parts returns the three parts of the room, in polls per second.
func (b *Backlog) parts() (few, short, long float64) {
	few = min(b.room.Rate, max(b.room.Few, keptForFew*b.room.Rate))
	rest := b.room.Rate - few
	long = (1 - forShort) * rest
	if all := float64(b.room.Browsers) / b.room.Longest.Seconds(); all > long { // no spread is longer than Longest
		long = min(all, rest)
	}
	return few, rest - long, long
}

// busy returns the highest rate that is booked of the part for short spreads from now on, without w itself. Time before the
// end of w counts too, since browsers that have not polled in w may poll at once.
func (b *Backlog) busy(w Window) float64 {
	end := int64(w.end)
	return max(0, b.short.peak(b.at, end)-float64(w.rate), b.short.peak(end, b.short.end))
}

// book decides and books a window after w, without the part kept for few.
func (b *Backlog) book(browsers int, w Window, short, long float64) Window {
	if browsers <= 0 {
		return Window{end: w.end}
	}
	n, left := float64(browsers), max(0, short-b.busy(w))
	seconds, share := n/(shortShare*left), 1.0 // of the part for short spreads
	if all := max(n, float64(b.room.Browsers)) / (long + longShare*left); all < seconds {
		seconds, share = all, longShare*left/(long+longShare*left)
	}
	over := b.room.Longest.Truncate(time.Millisecond)
	if seconds <= least.Seconds() {
		over = 0
	} else if seconds < b.room.Longest.Seconds() {
		over = duration(math.Ceil(seconds * 1000))
	}
	rate, from := n/max(over, least).Seconds(), int64(w.end)
	end := b.after(from, max(over, least))
	b.short.book(rate*share, from, end)
	b.long.book(rate*(1-share), from, end)
	return Window{end: int32(end), rate: float32(rate * share), spread: uint32(over.Milliseconds())}
}

// after returns the first slot after a spread that begins with slot from.
func (b *Backlog) after(from int64, over time.Duration) int64 {
	end := from + int64((over+b.slot-1)/b.slot)
	if from == b.at {
		end++ // this slot is partly over
	}
	return end
}

// advance moves the present slot to now, and clears the slots before it.
func (b *Backlog) advance(now time.Time) {
	at := b.first + int64(now.Sub(b.base)/b.slot)
	for _, l := range []*lane{&b.few, &b.short, &b.long} {
		for i := b.at; i < min(at, l.end); i++ {
			l.rates[i%slots] = 0
		}
	}
	b.at = max(b.at, at)
}

// Pending returns how many polls are booked at now and have not come yet.
func (b *Backlog) Pending(now time.Time) (polls float64) {
	if b.slot == 0 {
		return 0
	}
	b.advance(now)
	for i := b.at; i < max(b.few.end, b.short.end, b.long.end); i++ {
		polls += (b.few.rates[i%slots] + b.short.rates[i%slots] + b.long.rates[i%slots]) * b.slot.Seconds()
	}
	return polls
}

// lane is how many polls per second are booked in each slot.
type lane struct {
	rates [slots]float64
	end   int64 // all slots from this one on are empty
}

// book adds a rate to the slots from one to another.
func (l *lane) book(rate float64, from, end int64) {
	for i := from; i < end; i++ {
		l.rates[i%slots] += rate
	}
	l.end = max(l.end, end)
}

// peak returns the greatest rate from one slot to another.
func (l *lane) peak(from, to int64) (rate float64) {
	for i := from; i < min(to, l.end); i++ {
		rate = max(rate, l.rates[i%slots])
	}
	return rate
}
