//go:build unix && !linux

package faults

// namespaceFaults need Linux.
var namespaceFaults []scenario
