package demo

import "net/http"

// settings tells the page how often to poll, and what to offer for copying.
func (a *App) settings(w http.ResponseWriter, r *http.Request) error {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return writeJSON(w, http.StatusOK, struct {
		Fast         int64  `json:"fast_ms"`
		Slow         int64  `json:"slow_ms"`
		AddCommand   string `json:"add_command"`
		WatchCommand string `json:"watch_command"`
	}{
		a.opts.Fast.Milliseconds(), a.opts.Slow.Milliseconds(),
		AddCommand(scheme + "://" + r.Host), a.opts.WatchCommand,
	})
}

// token signs the token that the page sends to the gateway.
func (a *App) token(w http.ResponseWriter, r *http.Request) error {
	if _, err := readFields(w, r); err != nil {
		return err
	}
	if a.opts.Token == nil {
		return problem{http.StatusNotImplemented, "unavailable", "", "tokens: this demo runs without; start it with nudge demo"}
	}
	token, err := a.opts.Token(a.opts.TokenTTL)
	if err != nil {
		a.opts.Log.Error("cannot sign the page's token", "error", err, "fix", "start the demo again")
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		Token   string `json:"token"`
		Expires int64  `json:"expires_in_s"`
	}{token, int64(a.opts.TokenTTL.Seconds())})
}
