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
	// Browsers is how many may hear news at all.
	Browsers int
	// Longest bounds every spread.
	Longest time.Duration
}

const (
	// least is the shortest spread that is worth telling: below it the polls of
	// some news fall into one second anyway.
	least = time.Second
	// slots are how many times the announced rate may change within two of the
	// longest spreads, and no slot is shorter than shortestSlot.
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
// knows what will be news next. Hence
//
//   - while little is going on, news is told without a spread. Half of the room
//     is for that, and for spreads as short as still fit into that half;
//   - beyond it the spread is as long as all browsers together need, with the rest
//     of the room, to poll once. Whatever else is news then, it always fits, as no
//     browser polls more than once in its window.
type Backlog struct {
	room  Room
	base  time.Time
	slot  time.Duration
	first int64 // number of the slot that began at base

	at    int64 // number of the present slot
	rate  float64
	most  float64        // at least the greatest rate from now on
	turns [slots]float64 // by how much the rate changes where a slot begins
}

// Window is what [Backlog] remembers of one project: the time for which its
// watchers were asked to come, and the one that follows it if more was news
// meanwhile. Its zero value is a project without news.
type Window struct {
	end, next      int32 // slots in which they end; next 0: there is no following one yet
	rate, nextRate float32
	spread         uint32 // of the newest, in milliseconds
}

// Resize tells how much room there is from now on. What was announced stays, unless
// Longest is another one.
func (b *Backlog) Resize(r Room, now time.Time) {
	if !(r.Rate > 0) || math.IsInf(r.Rate, 1) {
		r.Rate = 0
	}
	r.Browsers, r.Longest = max(0, r.Browsers), max(0, r.Longest)
	b.room = r
	slot := max(shortestSlot, 2*r.Longest/(slots-16))
	if slot == b.slot {
		return
	}
	// Another ruler: what it measured is over, and no window reaches beyond it.
	b.base, b.first, b.slot = now, b.at+slots, slot
	b.at, b.rate, b.most, b.turns = b.first, 0, 0, [slots]float64{}
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
	at := int32(b.at)
	if w.next != 0 && w.end <= at {
		w.end, w.rate, w.next = w.next, w.nextRate, 0
	}
	switch {
	case w.end > at && w.next != 0:
	case w.end > at:
		spread := b.spread(browsers, b.most-float64(w.rate))
		rate, end := b.occupy(browsers, spread, w.end)
		b.most = max(b.most, b.most-float64(w.rate)+float64(rate))
		w.next, w.nextRate, w.spread = end, rate, uint32(spread.Milliseconds())
	default:
		spread := b.spread(browsers, b.most)
		rate, end := b.occupy(browsers, spread, at)
		b.most += float64(rate)
		*w = Window{end: end, rate: rate, spread: uint32(spread.Milliseconds())}
	}
	return time.Duration(w.spread) * time.Millisecond
}

// spread is how long so many browsers should take to come, beside those who come at the rate busy.
func (b *Backlog) spread(browsers int, busy float64) time.Duration {
	n, half := float64(browsers), b.room.Rate/2
	if n <= 0 || n <= half-busy {
		return 0
	}
	seconds := float64(b.room.Browsers) / (b.room.Rate - min(max(busy, 0), half))
	if free := half - busy; free > 0 {
		seconds = min(seconds, n/free)
	}
	if !(seconds < b.room.Longest.Seconds()) { // not a number: there is no room, and nobody
		return b.room.Longest.Truncate(time.Millisecond)
	}
	if spread := duration(math.Ceil(seconds * 1000)); spread >= least {
		return spread
	}
	return 0
}

// occupy takes room for so many browsers from the beginning of a slot on, and returns their rate and the slot in which
// the last has come. Without a spread all come at once, and have for a second.
func (b *Backlog) occupy(browsers int, spread time.Duration, from int32) (rate float32, end int32) {
	spread = max(spread, least)
	rate = float32(float64(browsers) / spread.Seconds())
	end = from + int32((spread+b.slot-1)/b.slot)
	if int64(from) == b.at {
		end++ // the present slot is partly over
		b.rate += float64(rate)
	} else {
		b.turns[from%slots] += float64(rate)
	}
	b.turns[end%slots] -= float64(rate)
	return rate, end
}

// advance follows the time.
func (b *Backlog) advance(now time.Time) {
	at := b.first + int64(now.Sub(b.base)/b.slot)
	if at <= b.at {
		return
	}
	for n := 0; b.at < at && n < slots; n++ {
		b.at++
		b.rate += b.turns[b.at%slots]
		b.turns[b.at%slots] = 0
	}
	b.at, b.rate = at, max(0, b.rate)
	b.most = b.rate
	b.ahead(func(rate float64) { b.most = max(b.most, rate) })
}

// ahead calls do with the rate of each slot to come.
func (b *Backlog) ahead(do func(rate float64)) {
	rate := b.rate
	for i := b.at + 1; i < b.at+slots; i++ {
		rate += b.turns[i%slots]
		do(max(0, rate))
	}
}

// Pending is how many polls were asked for at now and have yet to come.
func (b *Backlog) Pending(now time.Time) float64 {
	if b.slot == 0 {
		return 0
	}
	b.advance(now)
	sum := b.rate
	b.ahead(func(rate float64) { sum += rate })
	return sum * b.slot.Seconds()
}
