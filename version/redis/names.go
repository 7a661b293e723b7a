package redis

import (
	"fmt"
	"strings"

	"nudge/version"
	"nudge/version/publish"
)

// names makes the names of keys and channels, for a fleet by its prefix and for one instance in it.
type names struct{ prefix, instance string }

// project returns the key and channel of p.
func (n names) project(p version.Project) string { return publish.Name(n.prefix, p) }

// projectOf is the reverse of project.
func (n names) projectOf(channel string) (version.Project, error) {
	id, ok := strings.CutPrefix(channel, n.prefix+":{")
	id, closed := strings.CutSuffix(id, "}")
	if !ok || !closed {
		return version.Project{}, fmt.Errorf("channel %q is no project's", channel)
	}
	return version.ParseProject(id)
}

// control returns the key and channel of what the fleet is told.
func (n names) control() string { return n.prefix + ":control" }

// shadow returns the key of what gateways say of pages in shadow.
func (n names) shadow() string { return n.prefix + ":shadow" }

// tick returns the channel where an application says that it is alive.
func (n names) tick() string { return n.prefix + ":tick" }

// probes returns the prefix of the channels of all probes.
func (n names) probes() string { return n.prefix + ":probe:" }

// probe returns the key and channel of our own probes. In a Cluster, tag is a hash tag that the master serves.
func (n names) probe(tag string) string {
	name := n.probes() + n.instance
	if tag != "" {
		name += ":{" + tag + "}"
	}
	return name
}

// prober returns the instance whose probes come on this channel.
func (n names) prober(channel string) string {
	instance, _, _ := strings.Cut(strings.TrimPrefix(channel, n.probes()), ":{")
	return instance
}
