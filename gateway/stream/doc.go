// Package stream decides what a stream is sent next.
//
// The [Hub] knows who watches which project. When the board has a change, the hub renders it once as a [Frame] and
// offers it to every [Watcher] of the project, in place of an older frame that was not taken yet. So a slow reader
// skips to the newest version, and nothing queues.
//
// [State] and [LastSent] hold what a stream was sent, which projects it may see, whether it is behind, and when it ends. Both
// are small values without pointers. [State.Decide] and [LastSent.Follow] are pure functions with the rules for every kind
// of stream. Package loop applies them.
//
// Nothing here knows of HTTP, tokens or Redis.
package stream
