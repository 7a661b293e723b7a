// Package fallback decides how often a browser should poll the application now.
//
// Push only ever shortens the wait for news; the poll stays the way a page
// learns the truth. So everything here leans one way: whoever knows nothing,
// forgets a field or computes nonsense ends at the fast interval, which is what
// the application bore before push existed.
//
// Six things meet in the answer:
//
//   - [Health] turns the echoes of the source's probe into a [Verdict];
//   - [Trust] grows while push stays healthy;
//   - [Load] says who polls, and [Stretch] how much slower all have to so that the
//     application can bear it;
//   - [Flag] says who gets push at all;
//   - [Ramp] turns a flip of the flag into a slope, so that the application
//     never sees its load jump;
//   - [Policy] makes a [Cadence] of them, the numbers that go to the browser.
//
// [Controller] is all of them together, as one gateway needs them.
//
// [Backlog] decides over which time browsers come for news, so that they do not
// come all at once. Beside them [Fleet] knows the other gateways, and counts the
// browsers that lost theirs, and [Audit] weighs what browsers report of news that
// push missed.
//
// Nothing here reads a clock, draws a random number, starts a goroutine or does
// I/O: callers bring the time and the dice. Health, Fleet and Audit are safe for
// concurrent use; all else are plain values.
package fallback
