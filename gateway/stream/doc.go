// Package stream knows what one stream was sent, and what it is sent next.
//
// The [Hub] knows who watches which project. When the board has a change, the hub renders it once as a [Frame] and
// offers it to every [Watcher] of the project, in place of an older frame that was not taken yet. So a slow reader
// skips to the newest version, and nothing queues.
//
// [State] and [LastSent] hold the rules of a stream: what it was sent, whether it may see a project, how far behind it is,
// when it ends. Both are small values without pointers. [State.Decide] and [LastSent.Follow] are pure functions, so the
// rules stand in one place, whatever carries the stream: package loop runs them for any number of streams.
//
// Nothing here knows of HTTP, tokens or Redis.
package stream
