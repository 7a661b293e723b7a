package web

import (
	"fmt"
	"net/http"
	"time"
)

// Protection is what every answer of a listener tells browsers, so that no other page can make more of it than it is for.
type Protection struct {
	// Policy is the Content-Security-Policy. "": [NoPage].
	Policy string
	// HSTS is for how long a browser asks the host only over TLS, once it has got an answer over TLS. Less than a second: a
	// browser forgets that it has to.
	HSTS time.Duration
}

// NoPage is the policy of answers that are not pages: shown as one, they load nothing and run nothing, in no frame.
const NoPage = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// Around returns next with the headers. next may replace them.
func (p Protection) Around(next http.Handler) http.Handler {
	if p.Policy == "" {
		p.Policy = NoPage
	}
	// Shared by all answers: setting each anew would cost an allocation per header and stream.
	policy, nosniff, referrer := []string{p.Policy}, []string{"nosniff"}, []string{"same-origin"}
	hsts := []string{fmt.Sprintf("max-age=%d", p.HSTS/time.Second)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Content-Security-Policy"], h["X-Content-Type-Options"], h["Referrer-Policy"] = policy, nosniff, referrer
		if r.TLS != nil { // over plain HTTP browsers ignore it
			h["Strict-Transport-Security"] = hsts
		}
		next.ServeHTTP(w, r)
	})
}
