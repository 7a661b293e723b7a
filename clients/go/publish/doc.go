// Package publish is for applications in Go. It tells the gateways of Nudge that a project has a new version, through the
// Redis client that the application already has.
//
//	nudge := publish.To(client, publish.Options{})
//	…
//	err := nudge.Advance(ctx, "42", 124) // after the commit
//
// Publish after the commit, never before. The change is then safe, and an error only loses a hint. So log the error and
// continue. docs/publishing.md says how to choose the version, and what happens to hints that are lost.
package publish
