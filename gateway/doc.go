// Package gateway is the HTTP side of Nudge: one thin handler for each path, and the wiring of its rooms.
//
// A request meets gateway/auth, which says who the caller is, and gateway/limits, which says whether there is room. A
// refusal of either becomes an answer in problem.go. Streams live in gateway/stream; gateway/pace decides how often
// browsers poll. docs/architecture.md has the whole picture.
//
// Everything that may change while streams are open is in one immutable value, current. A handler loads it once, so that
// it decides by one state of the settings. Code that replaces it holds Gateway.change.
package gateway
