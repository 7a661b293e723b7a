// Package pace decides how often browsers poll.
//
// A [Pacer] follows the evidence of the source, the probes of the fleet, the lag of this gateway and the flag, and
// publishes one [fallback.Cadence]. It also decides over which time browsers are spread when they poll for news or open
// streams, so that they never come all at once.
//
//	version.Host ─► health, fleet ─┐
//	Options.Streams, Lag, Leaving ─┼─► judge ─► Now, Options.Changed
//	Apply ─► flag, policy ─────────┘         └► spreads
//
// Package fallback makes the decisions, without a clock; this package adds clock, locks and log. A Pacer holds no lock while
// it calls the functions of its [Options].
package pace
