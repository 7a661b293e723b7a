package redis

import (
	"fmt"
	"strings"

	"nudge/version"
	"nudge/version/publish"
)

// names are those of a fleet's keys and channels, and of the probes of one instance.
type names struct{ prefix, instance string }

// project is the key and the channel of p.
func (n names) project(p version.Project) string { return publish.Name(n.prefix, p) }

// projects are the channels of all.
func (n names) projects(all []version.Project) []string {
	channels := make([]string, len(all))
	for i, p := range all {
		channels[i] = n.project(p)
	}
	return channels
}

// projectOf is the reverse of project.
func (n names) projectOf(channel string) (version.Project, error) {
	id, ok := strings.CutPrefix(channel, n.prefix+":{")
	id, closed := strings.CutSuffix(id, "}")
	if !ok || !closed {
		return version.Project{}, fmt.Errorf("channel %q is no project's", channel)
	}
	return version.ParseProject(id)
}

// control is the key and the channel of what the fleet is told.
func (n names) control() string { return n.prefix + ":control" }

// tick is the channel where an application says that it is there.
func (n names) tick() string { return n.prefix + ":tick" }

// probes is how the channels of all probes begin, and of nothing else.
func (n names) probes() string { return n.prefix + ":probe:" }

// probe is the key and the channel of our own probes; of those through one master of a Cluster, with a tag of its slots.
func (n names) probe(tag string) string {
	name := n.probes() + n.instance
	if tag != "" {
		name += ":{" + tag + "}"
	}
	return name
}

// prober is the instance whose probes come on this channel.
func (n names) prober(channel string) string {
	instance, _, _ := strings.Cut(strings.TrimPrefix(channel, n.probes()), ":{")
	return instance
}
