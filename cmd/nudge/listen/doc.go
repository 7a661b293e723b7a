// Package listen has the HTTP servers of a gateway: how a connection is accepted, what it may cost, and its TLS.
package listen
