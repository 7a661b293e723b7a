// Package control holds what a whole fleet is told at once: an override of the flag, and revocations of tokens.
//
// Both live as entries in one hash in Redis, which a Lua script (control.lua) changes, and each gateway holds a copy as
// [Entries]. Entries have a sequence number and a time. Merging is the same everywhere, so a gateway that still knows an
// entry can write it back when Redis has lost it. The package does not use Redis: version/redis runs the script.
package control
