// Package simulate is nudge simulate: a fleet, its pages and its application under virtual time.
//
// The gateways decide with the real controller, that of package fallback, wired as the gateway wires it; the pages are
// those of package browser, a model of the shim. Redis, the network, the application and the people in front of the pages are
// models too, and simple ones: messages take constant times, and nobody is overloaded. What it shows is how many polls
// reach the application in each second, and how old news is when pages have it.
//
// One goroutine does it all, in the order of time, with one source of chance: the same options give the same result.
package simulate
