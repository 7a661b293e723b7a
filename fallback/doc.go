// Package fallback decides how often a browser should poll the application now.
//
// Push only shortens the wait for news; a page still learns the truth by polling. So every doubt leads to the fast interval:
// missing knowledge, an empty field or an invalid number. The application bore that interval before push existed.
//
// Six things make the answer:
//
//   - [Health] turns the echoes of the source's probe into a [Verdict];
//   - [Trust] grows while push stays healthy;
//   - [Load] says who polls, and [Stretch] how much slower all must poll so that
//     the application can bear it;
//   - [Flag] says who gets push at all;
//   - [Ramp] makes a switch of the flag gradual, so that the application's load
//     does not jump;
//   - [Policy] makes a [Cadence] of them, the numbers that go to the browser.
//
// [Controller] has all of them for one gateway.
//
// [Backlog] spreads the polls for news over time, so that browsers do not poll all at once. [Fleet] knows the other
// gateways, and counts the browsers that lost theirs. [DeafProjects] decides when missed news counts against push.
//
// Nothing here reads a clock, draws a random number, starts a goroutine or does I/O: callers pass the time. Health, Fleet
// and DeafProjects are safe for concurrent use; all else are plain values.
package fallback
