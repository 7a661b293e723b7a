// Package redis is the [version.Source] for gateways that share a Redis: a standalone server, Sentinels or a Cluster.
//
// One connection subscribes (session, subscriptions), others publish and read keys. An open connection proves nothing: probes
// must come back over the subscription, from every master. Without them the session ends, and the next session finds the
// masters again. News may be missed in between. So each new session is a gap: the board is told, and the keys are read again.
//
// The source also reads what a whole fleet is told (package control), and writes it back when Redis has lost it.
package redis
