// Package doctor finds the hop between a page and a gateway that is broken, by doing what a page does, and says what to
// change there. It needs no access to the gateway but the URL that pages use.
package doctor
