// Package web holds what runs in a browser. The shim is written in TypeScript in src, bundled into dist by .ci/tools/bundle,
// committed and embedded here, so that building Nudge needs Go only.
package web

import "embed"

//go:embed dist/nudge.js dist/nudge.global.js dist/nudge.d.ts
var dist embed.FS

// Names lists the files of the shim in the order of their use: the ES module, the classic script that makes the global
// Nudge, and the types of both.
func Names() []string {
	return []string{"nudge.js", "nudge.global.js", "nudge.d.ts"}
}

// Shim returns a file of the shim by its name, one of Names; false if there is none of that name. The content is UTF-8.
// Each call returns a copy, which the caller may keep and change.
func Shim(name string) ([]byte, bool) {
	content, err := dist.ReadFile("dist/" + name)
	return content, err == nil
}
