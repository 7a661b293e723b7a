package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// fetchTime is how long a key server may take to answer.
const fetchTime = 5 * time.Second

// source is where a key set is: a URL, or the name of a file.
type source struct {
	text   string
	client *http.Client
}

func (s source) isURL() bool { return strings.Contains(s.text, "://") }

// String names the source in logs, without what may be a password or a key.
func (s source) String() string {
	u, err := url.Parse(s.text)
	if !s.isURL() || err != nil {
		return s.text[:min(len(s.text), 200)]
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

// times returns how often the source is read, and the average time between looks for missing keys.
func (s source) times() (every, least time.Duration) {
	if s.isURL() {
		return everyURL, leastURL
	}
	return everyFile, leastFile
}

func (s source) read(ctx context.Context) ([]byte, error) {
	if s.isURL() {
		return s.fetch(ctx)
	}
	file, err := os.Open(s.text)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, fmt.Errorf("the file cannot be read: %w; name a file that this user can read", err)
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, largest+1))
}

func (s source) fetch(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.text, nil)
	if err != nil {
		return nil, errors.New("it is no URL")
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	req.Header.Set("User-Agent", "nudge")
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, cause(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the key server answers %s", resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, largest+1))
	if err != nil {
		return nil, cause(err)
	}
	return text, nil
}

// cause removes the URL from an HTTP client's error: it may hold a password.
func cause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the key server did not answer within %v", fetchTime)
	}
	return err
}

// newClient returns the client for key servers. It follows redirects, but never to a place where somebody else could answer.
func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: checkRedirect,
	}
}

func checkRedirect(to *http.Request, before []*http.Request) error {
	switch first := before[0].URL; {
	case len(before) > 3:
		return errors.New("the key server redirects more than three times")
	case to.URL.Scheme == "https", to.URL.Scheme == first.Scheme && to.URL.Host == first.Host:
		return nil
	}
	return errors.New("the key server redirects to another host without TLS, where anybody could answer; write the https URL of the keys")
}
