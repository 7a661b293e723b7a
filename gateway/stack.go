package gateway

import "net/http"

// roomy makes room on the stack of the request's goroutine before serving. A stack that turns out too small is
// copied to one of twice the size, frame by frame: here are four frames, where a token is parsed are thirty. Left to
// itself it was a seventh of what a connect costs.
func roomy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		grow(0)
		next.ServeHTTP(w, r)
	})
}

// stackRoom is what serving a request for a stream needs, in bytes.
const stackRoom = 6 << 10

// grow needs stackRoom, so that the runtime makes it.
//
//go:noinline
func grow(i int) byte {
	var room [stackRoom]byte
	return room[i]
}
