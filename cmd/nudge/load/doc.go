// Package load opens many streams of a gateway, publishes advances, and measures what becomes of both. It is
// the work of nudge load.
//
// One process publishes and adds up; one or more processes of the same binary read, each with a single thread
// and an epoll, so that measuring 19,000 streams costs a few megabytes and no goroutine for any of them.
//
// # How latency is measured
//
// The version that is published is the Unix time in microseconds at the publish call. Whoever reads it knows
// how long it took, without anything shared but the clock; and the clock is the machine's monotonic one, so
// that a step of the time of day spoils nothing. The publish call itself is part of the latency, and so is the
// reading: with 10,000 readers on the cores that serve them, the last one is late even behind a perfect server.
//
// # What is counted
//
// An advance is delivered to a stream when the stream reads it, as a version or in a later hello. A stream that
// jumped over advances has skipped them, as the protocol wants; one that does not stand on the newest version of
// each of its projects at the end is lost. Versions that this run has not published do not count.
//
// The result as JSON is [Result]; its fields are never renamed, and new ones may come.
package load
