// Package publish is for applications in Go: it tells the gateways of Nudge, by way of the Redis client that the
// application has already, that a project has a new version.
//
//	nudge := publish.To(client, publish.Options{})
//	…
//	err := nudge.Advance(ctx, "42", 124) // after the commit
//
// Publish after the commit, never before. The change is safe by then and only a hint is at stake, so log an error and
// go on. docs/publishing.md says how to choose the version, and what happens to hints that are lost.
package publish
