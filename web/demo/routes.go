package demo

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// methods maps a method to its handler. An error is answered as a problem, so
// a handler returns one before it has written anything.
type methods map[string]func(http.ResponseWriter, *http.Request) error

// routes lists every path, in the order a visitor's requests meet them.
func (a *App) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/{$}", methods{http.MethodGet: a.page})
	mux.Handle("/app/page/{file}", methods{http.MethodGet: a.asset})
	mux.Handle("/app/settings", methods{http.MethodGet: a.settings})
	mux.Handle("/app/token", methods{http.MethodPost: a.token})
	mux.Handle("/app/switches", methods{http.MethodGet: a.readSwitches, http.MethodPost: a.setSwitches})

	board := "/app/projects/" + Project
	mux.Handle(board, methods{http.MethodGet: a.snapshot})
	mux.Handle(board+"/changes", methods{http.MethodGet: a.changes})
	mux.Handle(board+"/stories", methods{http.MethodPost: a.addStory})
	mux.Handle(board+"/stories/{id}", methods{http.MethodGet: a.story})
	mux.Handle(board+"/stories/{id}/move", methods{http.MethodPost: a.moveStory})
	mux.Handle(board+"/stories/{id}/rename", methods{http.MethodPost: a.renameStory})

	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, problem{
			http.StatusNotFound, "not-found", "",
			fmt.Sprintf("nothing at %q; the board is at %s, its page at /", r.URL.Path, board),
		})
	})
	return mux
}

// ServeHTTP picks the handler for the method; HEAD is GET without its body.
func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	handle, ok := m[method]
	if !ok {
		allow := m.allow()
		w.Header().Set("Allow", allow)
		writeProblem(w, problem{
			http.StatusMethodNotAllowed, "method", "",
			fmt.Sprintf("%s is not possible here; use %s", r.Method, allow),
		})
		return
	}
	if err := handle(w, r); err != nil {
		writeProblem(w, err)
	}
}

func (m methods) allow() string {
	names := slices.Collect(maps.Keys(m))
	if _, ok := m[http.MethodGet]; ok {
		names = append(names, http.MethodHead)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// hostAllowed is the defence against DNS rebinding, which needs a name of the
// attacker's in Host: addresses and localhost cannot be that.
func (a *App) hostAllowed(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return slices.ContainsFunc(a.opts.Hosts, func(name string) bool { return strings.EqualFold(name, host) })
}
