// Package conformance holds tests alone: all packages in clients/ do the same, against one real Redis and one real gateway
// for each language. A language takes part by a driver that does what the tests ask for: README.md describes it.
package conformance
