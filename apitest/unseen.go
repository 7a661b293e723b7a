package apitest

import (
	"slices"
	"strings"
)

// Unseen returns what docs/openapi.yaml promises and no test of this process has seen: responses of operations.
func Unseen() []string {
	d := openapi()
	var unseen []string
	add := func(pointer string) {
		if !d.seen[pointer] {
			unseen = append(unseen, "docs/openapi.yaml"+pointer)
		}
	}
	for path, item := range d.object("/paths") {
		for method := range item.(map[string]any) {
			for status := range d.object("/paths/" + escape(path) + "/" + method + "/responses") {
				if status != "default" {
					add("/paths/" + escape(path) + "/" + method + "/responses/" + status)
				}
			}
		}
	}
	for name := range d.object("/components/responses") {
		add("/components/responses/" + name)
	}
	slices.SortFunc(unseen, strings.Compare)
	return unseen
}
