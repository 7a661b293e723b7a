// Package outage has the parts of the demo that visitors can break: a source, a gateway's server, and a proxy before it. Each
// breaks as its real counterpart does, and comes back.
package outage
