// Package redis is the [version.Source] for gateways that share a Redis: a standalone server, Sentinels or a Cluster.
//
// One connection subscribes (session, subscriptions), others publish and read keys. An open connection proves nothing: a
// probe must come back over the subscription again and again, from every master. Without it the session ends, and the next
// one looks up where the masters are. Whatever may have been missed meanwhile is a gap: the board is told, and the keys are
// read again.
//
// What a whole fleet is told (package control) is read and watched here, and written back when Redis has lost it.
package redis
