//go:build unix

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"nudge/version/redistest"
)

// nudge doctor signs its own token, and needs two seconds: the gateway's heartbeat comes a second after the hello, and a long
// poll is held for one.
func TestDoctorCommand(t *testing.T) {
	t.Parallel()
	file := configFile(t, "base_path: /push\n"+quick("127.0.0.1:0", redistest.Start(t).Addr, "{}"))
	gateway := serveFile(t, file)
	exit, out, errs := nudge("doctor", "--config", file, "--watch", "2s", gateway.url+"/push")
	if exit != 0 || !strings.Contains(out, "a version was on the stream") || !strings.HasSuffix(out, "all is well\n") {
		t.Errorf("exit %d: %s%s", exit, out, errs)
	}
	nowhere := httptest.NewServer(http.NotFoundHandler())
	defer nowhere.Close()
	for _, test := range []struct {
		args []string
		exit int
		says string
	}{
		{[]string{nowhere.URL}, exitFailed, "broken: http"},
		{[]string{"app.example.com"}, exitUsage, "write it like https://"},
		{[]string{}, exitUsage, "the URL of a gateway"},
		{[]string{"--origin", "https://app.example.com/path", nowhere.URL}, exitUsage, "is not an origin"},
		{[]string{"--watch", "-1s", nowhere.URL}, exitUsage, "is negative"},
		{[]string{"--project", "a b", nowhere.URL}, exitUsage, "a b"},
	} {
		exit, _, errs := nudge(append([]string{"doctor", "--config", "none"}, test.args...)...)
		if exit != test.exit || !strings.Contains(errs, test.says) {
			t.Errorf("doctor %q: exit %d: %s", test.args, exit, errs)
		}
	}
}
