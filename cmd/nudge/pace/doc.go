// Package pace plays a [simulate.Play] to real gateways: so that what nudge simulate says can be held against what is.
//
// Its pages are the model of the shim that the simulator has, package browser. But here they have a clock, connections and
// an application: each page opens real streams, asks /poll-interval, and polls over HTTP. Who starts gateways, breaks
// them and publishes is the caller.
package pace
