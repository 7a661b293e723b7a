package stream

import "time"

// HeartbeatEvent says how often to poll now. It is rendered once for all streams, and does not change after [NewHeartbeat].
type HeartbeatEvent struct {
	Every  time.Duration // between two heartbeats of a stream
	event  []byte
	fields []byte // of its object, without braces: a hello has them too
}

// NewHeartbeat renders an object with the cadence.
func NewHeartbeat(cadence any, every time.Duration) *HeartbeatEvent {
	object := marshal(cadence)
	return &HeartbeatEvent{Every: every, event: appendEvent(nil, "heartbeat", object), fields: object[1 : len(object)-1]}
}

// Bytes returns what to write. All streams share them: do not change them.
func (h *HeartbeatEvent) Bytes() []byte { return h.event }
