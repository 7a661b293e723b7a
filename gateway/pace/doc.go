// Package pace decides how often browsers poll.
//
// A [Pacer] follows the evidence of the source, the probes of the fleet, the lateness of this gateway's own work and the
// flag, and publishes one rendered [Cadence]. It also decides over which time browsers come after news, after an answer
// and when they open streams, so that they never come as a herd.
//
//	version.Host ─► health, fleet ─┐
//	Options.Streams, Lag, Leaving ─┼─► judge ─► Now, Options.Changed
//	Apply ─► flag, policy ─────────┘         └► spreads
//
// All decisions are those of package fallback, which knows no time; here they get clock, locks and log. A Pacer calls
// the functions of its [Options] under no lock.
package pace
