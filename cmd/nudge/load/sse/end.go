package sse

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

// ErrSilent says that a stream got no hello in time.
var ErrSilent = errors.New("no hello in time")

// End is the reason why a stream ended, as the counts name it.
type End struct {
	Key     string // a few words out of a small set
	Refused bool   // the gateway answered, but not with a stream
	Detail  string // the text of its answer
	Final   bool   // another try would get the same answer
	After   time.Duration
	Spread  time.Duration
}

// GoodbyeError says that a stream was told to end.
type GoodbyeError struct{ Closing }

func (g *GoodbyeError) Error() string { return "goodbye " + g.Reason }

// HeadError says that an answer is no stream.
type HeadError struct{ Head }

func (h *HeadError) Error() string { return "status " + strconv.Itoa(h.Status) }

// EndOf returns the End of a stream that ended with the error why. lived tells whether it had its hello.
func EndOf(why error, lived bool) End {
	e := End{After: time.Second, Spread: time.Second}
	var bye *GoodbyeError
	var answered *HeadError
	var code syscall.Errno
	switch {
	case errors.As(why, &bye):
		e.Key = bye.Reason
		e.After = time.Duration(bye.AfterMS) * time.Millisecond
		e.Spread = time.Duration(bye.SpreadMS) * time.Millisecond
		e.Final = bye.Reason == "off" || bye.Reason == "revoked"
		if !lived { // a refusal for browsers: any other status would end an EventSource for good
			e.Refused = true
			e.Key = withWait(bye.Reason, e.After)
		}
	case errors.As(why, &answered):
		e.Refused, e.Detail = true, answered.Detail
		e.Key = strconv.Itoa(answered.Status)
		if seconds, err := strconv.Atoi(answered.Retry); err == nil && seconds > 0 {
			e.After = time.Duration(seconds) * time.Second
			e.Key = withWait(e.Key, e.After)
		}
		e.Final = answered.Status < 500 && answered.Status != http.StatusTooManyRequests
	case errors.Is(why, io.EOF) && lived:
		e.Key = "end"
	case errors.Is(why, io.EOF):
		e.Key = "end before the hello"
	case errors.As(why, &code):
		e.Key = code.Error()
	default:
		e.Key = why.Error()
	}
	return e
}

// withWait adds the time to come back: it tells the limits of a gateway apart.
func withWait(key string, after time.Duration) string {
	return fmt.Sprintf("%s/%ds", key, (after+time.Second-1)/time.Second)
}

// Wait is a time to come back after, in µs.
func (e End) Wait() int64 {
	return (e.After + time.Duration(rand.Int64N(int64(e.Spread)+1))).Microseconds()
}
