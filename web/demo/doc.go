// Package demo is a small application that uses Nudge, and its page: a project
// board whose poll endpoint is the truth, and a page that shows what Nudge does
// for it.
//
// The package knows no other package of the module. What it needs of Nudge
// (publishing a version, turning push on and off, a token for the page) comes
// as functions in [Options], so that it reads like any application would.
package demo
