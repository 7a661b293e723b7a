package apitest

import (
	"flag"
	"slices"
	"testing"
)

// Whole tells whether all tests of the package run, so that they should see all that the documents promise.
func Whole() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.bench", "test.fuzz"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}

// Unseen returns what docs/openapi.yaml promises, and docs/asyncapi.yaml of streams, and no test of this process has seen:
// responses of operations, and events.
func Unseen() []string {
	d := openapi()
	var unseen []string
	for path, item := range d.object("/paths") {
		for method := range item.(map[string]any) {
			responses := "/paths/" + escape(path) + "/" + method + "/responses"
			for status := range d.object(responses) {
				if status != "default" { // all have the same
					unseen = append(unseen, d.unseen(responses+"/"+status)...)
				}
			}
		}
	}
	for name := range d.object("/components/responses") {
		unseen = append(unseen, d.unseen("/components/responses/"+name)...)
	}
	unseen = append(unseen, UnseenMessages("events")...)
	slices.Sort(unseen)
	return unseen
}

// UnseenMessages returns what docs/asyncapi.yaml promises of these channels, and no test of this process has seen.
func UnseenMessages(channels ...string) []string {
	d := asyncapi()
	var unseen []string
	for _, channel := range channels {
		for name := range d.object("/channels/" + channel + "/messages") {
			_, at := d.at("/channels/" + channel + "/messages/" + name)
			unseen = append(unseen, d.unseen(at)...)
		}
	}
	return unseen
}

func (d *document) unseen(pointer string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen[pointer] {
		return nil
	}
	return []string{"docs/" + d.name + pointer}
}
