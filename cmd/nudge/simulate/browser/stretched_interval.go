package browser

func (b *Browser) inForce() Millis {
	ms := b.rare()
	if ms == 0 || b.uncovered() {
		ms = b.fast
	}
	if b.behind() {
		ms = min(ms, b.fast*b.stretch())
	}
	if b.hiddenAt != 0 {
		ms = max(ms, b.hidden)
	}
	return ms
}

// rare is the poll interval that the proven stream allows, or the grace after one; 0: none.
func (b *Browser) rare() Millis {
	if b.held.state == proven {
		return b.held.poll
	}
	return b.grace
}

// trusted tells whether the page relies on push.
func (b *Browser) trusted() bool { return b.held.state == proven && b.push != Down }
