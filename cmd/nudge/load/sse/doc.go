// Package sse reads what a gateway answers to one request: the head of the response, then server-sent events and their
// data, in whatever pieces they arrive. It holds no memory between two events, since nudge load reads thousands of streams
// in one thread. It knows no connection; [EndOf] says what it means that one ended.
package sse
