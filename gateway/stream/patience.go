package stream

import "time"

// stuckGrace is added to two heartbeats: see Patience.
const stuckGrace = 30 * time.Second

// Patience returns how long a browser may read nothing before its stream ends. heartbeat is the time between heartbeats.
func Patience(heartbeat time.Duration) time.Duration { return 2*heartbeat + stuckGrace }
