// Package redistest starts real Redis servers for tests: private, on a unix socket and a free port of
// 127.0.0.1, and gone when the test is over. It is for systems with signals.
package redistest
