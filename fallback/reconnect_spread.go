package fallback

import "time"

// defaultConnects is how many streams per second a gateway is taken to admit if no
// limit is set: an eighth of what was measured on two cores.
const defaultConnects = 1000

// ReconnectSpread returns how long n streams need to reconnect to other gateways, if each of these admits perSecond streams
// a second; 0 or less: 1,000. It is least at least, and otherwise a minute at most.
func ReconnectSpread(n, gateways, perSecond int, least time.Duration) time.Duration {
	if perSecond <= 0 {
		perSecond = defaultConnects
	}
	seconds := float64(max(0, n)) / (float64(max(1, gateways)) * float64(perSecond))
	if seconds >= MostWait.Seconds() {
		return max(least, MostWait)
	}
	return max(least, duration(seconds*1000))
}
