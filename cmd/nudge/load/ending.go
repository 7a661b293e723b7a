package load

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

var errSilent = errors.New("no hello in time")

// ending is why a stream ended, as it is counted.
type ending struct {
	key     string // a few words out of a small set
	refused bool   // the gateway answered, but not with a stream
	detail  string // what it said for people
	final   bool   // there is no use in coming back
	after   time.Duration
	spread  time.Duration
}

// goodbyeError says that a stream was told to end.
type goodbyeError struct{ farewell }

func (g *goodbyeError) Error() string { return "goodbye " + g.Reason }

// headError says that an answer is no stream.
type headError struct{ head }

func (h *headError) Error() string { return "status " + strconv.Itoa(h.status) }

// endingOf judges why a stream ended; lived tells whether it had its hello.
func endingOf(why error, lived bool) ending {
	e := ending{after: time.Second, spread: time.Second}
	var bye *goodbyeError
	var answered *headError
	var code syscall.Errno
	switch {
	case errors.As(why, &bye):
		e.key = bye.Reason
		e.after = time.Duration(bye.AfterMS) * time.Millisecond
		e.spread = time.Duration(bye.SpreadMS) * time.Millisecond
		e.final = bye.Reason == "off" || bye.Reason == "revoked"
		if !lived { // as browsers are refused, whom any other status would end for good
			e.refused = true
			e.key = withWait(bye.Reason, e.after)
		}
	case errors.As(why, &answered):
		e.refused, e.detail = true, answered.detail
		e.key = strconv.Itoa(answered.status)
		if seconds, err := strconv.Atoi(answered.retry); err == nil && seconds > 0 {
			e.after = time.Duration(seconds) * time.Second
			e.key = withWait(e.key, e.after)
		}
		e.final = answered.status < 500 && answered.status != http.StatusTooManyRequests
	case errors.Is(why, io.EOF) && lived:
		e.key = "end"
	case errors.Is(why, io.EOF):
		e.key = "end before the hello"
	case errors.As(why, &code):
		e.key = code.Error()
	default:
		e.key = why.Error()
	}
	return e
}

// withWait adds the time to come back: it tells the limits of a gateway apart.
func withWait(key string, after time.Duration) string {
	return fmt.Sprintf("%s/%ds", key, (after+time.Second-1)/time.Second)
}

// wait is a time to come back after, in µs.
func (e ending) wait() int64 {
	return (e.after + time.Duration(rand.Int64N(int64(e.spread)+1))).Microseconds()
}

// mostKeys bounds what is counted apart, whatever a server thinks of.
const mostKeys = 50

func count(m map[string]int64, key string) {
	if _, known := m[key]; !known && len(m) >= mostKeys {
		key = "other"
	}
	m[key]++
}
