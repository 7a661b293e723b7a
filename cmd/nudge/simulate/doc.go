// Package simulate is nudge simulate: a fleet, its pages and its application in simulated time.
//
// The gateways decide with the real controller of package fallback, used as in package gateway. The pages are those of
// package browser, a model of the shim. Redis, the network, the application and the users are simple models: messages take
// constant times, and only the application can be overloaded. The result is how many polls reach the application in each
// second, how long it takes to answer them, and how old news is when pages have it.
//
// One goroutine does everything in the order of time, with one source of random numbers: the same options give the same
// result.
package simulate
