// Package version knows what the newest version of a project is, and how news of it arrives.
//
// A project's whole state is one number, and the latest wins. A [Source] receives numbers and puts them on a [Board]. The
// board decides which version is believed; each of its methods says by which rule. It wakes its reader with a signal that
// carries no data. There is no queue: newer news overwrites news that was not taken yet.
//
//	publisher ── Publish ──► Source ──► Board ── Changed/Take ──► the gateway's hub
//
// There are two sources: [Memory] for one node without Redis, and Redis, in version/redis.
package version
