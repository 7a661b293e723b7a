package gateway

import (
	"bytes"
	"context"
	"math"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sys/unix"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/gateway/limits"
	"nudge/gateway/stream/parked"
	"nudge/version"
)

// What a connect costs, by one after the other: garbage and allocations are those of the whole process, but the reader
// makes next to none, and stands still while the gateway works. ns/op are of both.

const benchSecret = "a secret of thirty-two bytes or more"

func benchToken(b *testing.B) string {
	b.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": "user-1", "aud": "nudge", "exp": 4102444800, "subscribe": []string{"42"},
	}).SignedString([]byte(benchSecret))
	if err != nil {
		b.Fatal(err)
	}
	return token
}

// BenchmarkConnect is one whole connect, until its hello has been read.
func BenchmarkConnect(b *testing.B) {
	to := benchGateway(b)
	request := []byte("GET /events?project=42 HTTP/1.1\r\nHost: gw\r\nAccept: text/event-stream\r\nAuthorization: Bearer " + benchToken(b) + "\r\n\r\n")
	for range runtime.GOMAXPROCS(0) { // one for each loop, so that none of them gives all back, and the project stays listened for
		defer unix.Close(benchConnect(b, to, request))
	}
	b.ReportAllocs()
	for b.Loop() {
		unix.Close(benchConnect(b, to, request))
	}
}

// benchGateway serves as nudge serve does, and returns where.
func benchGateway(b *testing.B) unix.Sockaddr {
	b.Helper()
	var most limits.Settings
	most.PerSubject[limits.Connects] = math.MaxInt32 // all of them are one subject
	g, err := New(Options{
		Settings: Settings{
			Limits: most,
			Flag:   fallback.Flag{Enabled: true, Percent: 100}, Auth: auth.Settings{Secret: benchSecret},
			Policy: fallback.Policy{Fast: time.Second, Slow: time.Minute, Heartbeat: 25 * time.Second},
		},
		Source: func(b *version.Board, h Host) (version.Source, error) {
			return version.NewMemory(b, version.MemoryOptions{Evidence: h.Evidence}), nil
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran, served := make(chan error, 1), make(chan error, 1)
	s := &http.Server{Handler: g.Handler(), ConnContext: parked.ConnContext, ReadHeaderTimeout: 10 * time.Second}
	go func() { ran <- g.Run(ctx) }()
	go func() { served <- s.Serve(&parked.Listener{Listener: l}) }()
	b.Cleanup(func() {
		s.Close()
		<-served
		stop()
		<-ran
	})
	return &unix.SockaddrInet4{Port: l.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
}

var benchAnswer [8 << 10]byte

// benchConnect opens a stream, and returns when its hello has come. The socket is the kernel's own, which blocks.
func benchConnect(b *testing.B, to unix.Sockaddr, request []byte) (fd int) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Connect(fd, to)
	}
	if err == nil {
		_, err = unix.Write(fd, request)
	}
	if err != nil {
		b.Fatal(err)
	}
	for answer := benchAnswer[:0]; ; {
		n, err := unix.Read(fd, answer[len(answer):cap(answer)])
		if err != nil || n <= 0 {
			b.Fatalf("no hello but %q, %v", answer, err)
		}
		if answer = answer[:len(answer)+n]; bytes.Contains(answer, []byte("event: hello")) {
			return fd
		}
	}
}
