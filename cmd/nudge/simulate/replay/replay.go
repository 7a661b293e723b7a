// Package replay runs a [simulate.Play] with real gateways, so that the figures of nudge simulate can be compared with reality:
// make pace. Only tests use it.
//
// Its pages are the simulator's, of package browser. Here they have a clock, connections and an application: each page
// opens real streams, asks /poll-interval, and polls over HTTP. The caller starts gateways, breaks them and publishes.
package replay
