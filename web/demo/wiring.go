package demo

import (
	"net/http"
	"strconv"
)

// settings tells the page what it compares itself with, and what to offer for
// copying.
func (a *App) settings(w http.ResponseWriter, r *http.Request) error {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return writeJSON(w, http.StatusOK, struct {
		Fast           int64  `json:"fast_ms"`
		Slow           int64  `json:"slow_ms"`
		MaxTitle       int    `json:"max_title"`
		AddCommand     string `json:"add_command"`
		PublishCommand string `json:"publish_command"`
	}{
		a.opts.Fast.Milliseconds(), a.opts.Slow.Milliseconds(), maxTitle,
		AddCommand(scheme + "://" + r.Host), a.opts.PublishCommand,
	})
}

// count is the state of the counter project, which is one number.
type count struct {
	Project string `json:"project"`
	Version int64  `json:"version"`
}

func (a *App) newestCount() count {
	c := count{Project: CounterProject}
	if a.opts.Newest != nil {
		c.Version, _ = a.opts.Newest(CounterProject)
	}
	return c
}

func (a *App) counter(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, a.newestCount())
}

// counterChanges is the counter's poll endpoint: what changed since is the
// newest number, whatever the caller has.
func (a *App) counterChanges(w http.ResponseWriter, r *http.Request) error {
	if _, err := sinceOf(r); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, a.newestCount())
}

// token signs the token that the page sends to the gateway.
func (a *App) token(w http.ResponseWriter, r *http.Request) error {
	if _, err := readFields(w, r); err != nil {
		return err
	}
	if a.opts.Token == nil {
		return unwired("tokens")
	}
	token, err := a.opts.Token(a.opts.TokenTTL)
	if err != nil {
		a.opts.Log.Error("cannot sign the page's token", "error", err)
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		Token   string `json:"token"`
		Expires int64  `json:"expires_in_s"`
	}{token, int64(a.opts.TokenTTL.Seconds())})
}

// flag is the answer of the push switch.
type flag struct {
	On bool `json:"on"`
}

func (a *App) push(w http.ResponseWriter, _ *http.Request) error {
	if a.opts.Push == nil {
		return unwired("push")
	}
	return writeJSON(w, http.StatusOK, flag{a.opts.Push()})
}

func (a *App) setPush(w http.ResponseWriter, r *http.Request) error {
	f, err := readFields(w, r, "on")
	if err != nil {
		return err
	}
	on, err := strconv.ParseBool(f["on"])
	if err != nil || (f["on"] != "true" && f["on"] != "false") {
		return wrong("on", `must be true or false, such as {"on":false}`)
	}
	if a.opts.SetPush == nil {
		return unwired("push")
	}
	if err := a.opts.SetPush(on); err != nil {
		a.opts.Log.Error("push not switched", "on", on, "error", err)
		return err
	}
	a.opts.Log.Info("push switched", "on", on)
	return writeJSON(w, http.StatusOK, flag{on})
}

func unwired(what string) error {
	return fault{http.StatusNotImplemented, "unavailable", "", what + ": this demo runs without; start it with nudge demo"}
}
