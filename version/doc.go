// Package version knows what the newest version of a project is, and how news of it arrives.
//
// A project's whole state is one number, and the latest wins. A [Source] hears of numbers and puts
// them on a [Board]; the board decides what may be believed (the rules stand at each of its methods)
// and wakes whoever reads it with a signal that carries nothing. There is no queue anywhere: news that
// nobody took in time is overwritten by newer news.
//
//	publisher ── Publish ──► Source ──► Board ── Changed/Take ──► whoever tells the browsers
//
// There are two sources: [Memory] for one node without Redis, and Redis, in version/redis.
package version
