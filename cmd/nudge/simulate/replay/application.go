package replay

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// application is what pages poll: which version has each project?
type application struct {
	crowd *Crowd

	mu      sync.Mutex // guards commits
	commits [][]float64
}

func newApplication(c *Crowd) *application {
	n := uint32(0)
	for _, page := range c.Play.Pages {
		for _, p := range page {
			n = max(n, p+1)
		}
	}
	for _, change := range c.Play.Changes {
		n = max(n, change.Project+1)
	}
	return &application{crowd: c, commits: make([][]float64, n)}
}

// commit makes a new version of a project.
func (a *application) commit(project uint32) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.commits[project] = append(a.commits[project], a.crowd.now())
	return int64(len(a.commits[project]))
}

// version is the newest of a project, and next when the one after have was made, if it was.
func (a *application) version(project uint32) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return int64(len(a.commits[project]))
}

func (a *application) madeAfter(project uint32, have int64) (at float64, made bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.commits[project]; have < int64(len(c)) {
		return c[have], true
	}
	return 0, false
}

// ServeHTTP answers GET /?project=3@17&project=9@0 with the versions in the same order: those when the question came.
func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	empty := true
	var versions []int64
	for _, mark := range r.URL.Query()["project"] {
		name, have, _ := strings.Cut(mark, "@")
		project, err := strconv.ParseUint(name, 10, 32)
		if err != nil || project >= uint64(len(a.commits)) {
			http.Error(w, "no such project", http.StatusNotFound)
			return
		}
		version := a.version(uint32(project))
		versions = append(versions, version)
		empty = empty && have == strconv.FormatInt(version, 10)
	}
	if empty {
		a.crowd.stats.empty()
	}
	if !wait(r.Context(), time.Now().Add(a.crowd.Latency)) {
		return
	}
	json.NewEncoder(w).Encode(versions)
}
