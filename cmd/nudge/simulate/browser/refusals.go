package browser

// verdict says what an answer means for the stream.
type verdict uint8

const (
	goAhead verdict = iota
	denied          // or nobody knows who the page is
	off
	busy // or no answer: try again
)

func judged(status int, m *Message) verdict {
	switch {
	case status == 400 || status == 401 || status == 403:
		return denied
	case status < 200 || status > 299:
		return busy
	case m.Denied:
		return denied
	case m.Push == Off || m.Excluded:
		return off
	case m.Refusing:
		return busy
	case m.Fast == 0: // the answer is not from a gateway
		return busy
	}
	return goAhead
}
