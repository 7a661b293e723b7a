package fallback

import (
	"math"
	"time"
)

// Room is what the application can take of polls that news causes.
type Room struct {
	// Rate is how many of them it can take in a second: its capacity, less the
	// polls that come anyway. At 0 or less, or NaN, all news is spread over Longest.
	Rate float64
	// Few is how many browsers are few: as many as that in a second are told their
	// news without a spread, whatever else is news.
	Few float64
	// Browsers is how many may hear news at all.
	Browsers int
	// Longest bounds every spread.
	Longest time.Duration
}

const (
	// least is the shortest spread that is worth telling: below it the polls of
	// some news fall into one second anyway.
	least = time.Second
	// part is how much of what is left for short spreads news may take that fits into
	// it, and most how much news may whose spread is long. oneByOne is how much of all
	// of it browsers may take that are asked one by one.
	part     = 2.0 / 3
	most     = 0.9
	oneByOne = 0.5
	// keptForFew is the part of the room that is kept for news of few, and forShort
	// that of the rest which is for short spreads.
	keptForFew = 0.05
	forShort   = 2.0 / 3
	// slots are how many times the booked rate may change within two of the longest
	// spreads, and no slot is shorter than shortestSlot.
	slots        = 1024
	shortestSlot = time.Second / 8
)

// Backlog knows how many polls browsers were asked for by news and have yet to
// make, and decides over which time the next ones are spread. Callers give it all
// news with [Backlog.Announce]; it holds no clock, and is not safe for concurrent
// use. Its zero value has no room.
//
// Browsers that are told some news come evenly over its spread, beginning now. So
// what counts is the rate at which they come: for all news that is still being
// polled for it must not exceed the room, in no second to come, although nobody
// knows what will be news next. So the room has three parts:
//
//   - A twentieth is kept for news of few browsers, which never wait for others.
//   - Two thirds of the rest are for short spreads. News may take two thirds of
//     what is left of it, so that something is always left for what comes next. What
//     fits is told without a spread; what does not has the spread with which it fits.
//   - The last third is for news of so many browsers that this would take too long.
//     It is enough for all browsers to poll once within one long spread, and none
//     polls more than once in its window, so whatever is news then always fits. Such
//     news also takes of what is left for short spreads, and is over sooner.
type Backlog struct {
	room             Room
	few, short, long lane // what is booked of each part

	base  time.Time
	slot  time.Duration
	first int64 // number of the slot that began at base
	at    int64 // number of the present slot
}

// Window is what [Backlog] remembers of one project: the time for which its
// watchers were asked to come, and the one that follows it if more was news
// meanwhile. Its zero value is a project without news.
type Window struct {
	end, next int32   // slots in which they end; next 0: there is no following one yet
	rate      float32 // of this one, and of the next, as far as they take of the part for short spreads
	nextRate  float32
	spread    uint32 // of the newest, in milliseconds
}

// Resize tells how much room there is from now on. What was announced stays, unless
// Longest is another one.
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
	// With slots of another length what was booked is forgotten. No window reaches beyond the old ones.
	b.base, b.first, b.slot = now, b.at+slots, slot
	b.at, b.few, b.short, b.long = b.first, lane{}, lane{}, lane{}
}

// Announce takes note of news at now for so many browsers, those who watch the
// project that w belongs to, and returns its spread, in whole milliseconds: 0, or
// from a second to Longest. Who has been asked to come and is still on its way is
// not counted again; who has come already comes again in a window of its own,
// which begins where this one ends.
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

// Ask takes note of browsers that are asked to poll at now by what only one of them
// hears, such as a hello, and returns their spread. Very many may be asked at the
// same time, and few of them have anything to poll for: so they leave room for news.
func (b *Backlog) Ask(browsers int, now time.Time) time.Duration {
	if b.slot == 0 {
		return 0
	}
	b.advance(now)
	_, short, long := b.parts()
	w := b.book(browsers, Window{end: int32(b.at)}, oneByOne*short, long)
	return time.Duration(w.spread) * time.Millisecond
}

// news decides over which window browsers come that hear the same, after one that they have come in, and books it.
func (b *Backlog) news(browsers int, w Window) Window {
	few, short, long := b.parts()
	n := float64(browsers)
	if n > part*(short-b.busy(w)) && n <= b.room.Few && n <= few-b.few.most(b.at, b.few.end) {
		from := int64(w.end)
		end := b.after(from, least)
		b.few.book(n, from, end)
		return Window{end: int32(end)}
	}
	return b.book(browsers, w, short, long)
}

// parts are how many polls per second the three parts of the room are.
func (b *Backlog) parts() (few, short, long float64) {
	few = min(b.room.Rate, max(b.room.Few, keptForFew*b.room.Rate))
	rest := b.room.Rate - few
	long = (1 - forShort) * rest
	if all := float64(b.room.Browsers) / b.room.Longest.Seconds(); all > long { // no spread is longer than Longest
		long = min(all, rest)
	}
	return few, rest - long, long
}

// busy is the most that is booked of the part for short spreads from now on, but for a window itself. Those who have not
// come in that window may come at once, so the present counts although all others come after it.
func (b *Backlog) busy(w Window) float64 {
	end := int64(w.end)
	return max(0, b.short.most(b.at, end)-float64(w.rate), b.short.most(end, b.short.end))
}

// book is news without what is kept for few.
func (b *Backlog) book(browsers int, w Window, short, long float64) Window {
	if browsers <= 0 {
		return Window{end: w.end}
	}
	n, left := float64(browsers), max(0, short-b.busy(w))
	seconds, share := n/(part*left), 1.0 // of the part for short spreads
	if all := max(n, float64(b.room.Browsers)) / (long + most*left); all < seconds {
		seconds, share = all, most*left/(long+most*left)
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

// after is the first slot in which nothing is left of what began with a slot and takes so long.
func (b *Backlog) after(from int64, over time.Duration) int64 {
	end := from + int64((over+b.slot-1)/b.slot)
	if from == b.at {
		end++ // this slot is partly over
	}
	return end
}

// advance follows the time.
func (b *Backlog) advance(now time.Time) {
	at := b.first + int64(now.Sub(b.base)/b.slot)
	for _, l := range []*lane{&b.few, &b.short, &b.long} {
		for i := b.at; i < min(at, l.end); i++ {
			l.rates[i%slots] = 0
		}
	}
	b.at = max(b.at, at)
}

// Pending is how many polls were asked for at now and have yet to come.
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
	end   int64 // slot from which on none are
}

func (l *lane) book(rate float64, from, end int64) {
	for i := from; i < end; i++ {
		l.rates[i%slots] += rate
	}
	l.end = max(l.end, end)
}

// most is the greatest rate from one slot to another.
func (l *lane) most(from, to int64) (rate float64) {
	for i := from; i < min(to, l.end); i++ {
		rate = max(rate, l.rates[i%slots])
	}
	return rate
}
