package browser

const (
	// Hidden for this long, a page may have a stream that died without a word.
	away = 30_000
	// Hidden for this long, a page lets its stream go.
	staysHidden = 60_000
)

// hide lets the stream of a hidden page go, whose pace stays as slow as it was.
func (t *turn) hide() {
	b := t.Browser
	b.unseen = true
	if b.rest == gone {
		return
	}
	b.keepPace(b.rare(), Never)
	t.goAway()
}
