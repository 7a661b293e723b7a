package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nudge/cmd/nudge/audit"
)

// The command as a user calls it: text, JSON, a page, and what it says when it cannot.
func TestAuditCommand(t *testing.T) {
	dir := t.TempDir()
	log, page := filepath.Join(dir, "access.log"), filepath.Join(dir, "polling.html")
	var lines strings.Builder
	at := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	for n := range 360 {
		fmt.Fprintf(&lines, "192.0.2.1 - - [%s] \"GET /poll?since=7 HTTP/1.1\" 304 0 \"-\" \"Mozilla/5.0\"\n", at.Add(time.Duration(n)*10*time.Second).Format("02/Jan/2006:15:04:05 -0700"))
	}
	if err := os.WriteFile(log, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	exit, out, errs := nudge("audit", "--html", page, log)
	if exit != 0 || !strings.Contains(out, "/poll?since=") || !strings.Contains(out, "polls are not made") {
		t.Errorf("exit %d: %s%s", exit, out, errs)
	}
	if html, err := os.ReadFile(page); err != nil || !strings.Contains(string(html), "/poll?since=") {
		t.Errorf("the page: %v\n%s", err, html)
	}
	exit, out, errs = nudge("audit", "--json", log)
	var report audit.Report
	if err := json.Unmarshal([]byte(out), &report); exit != 0 || err != nil || len(report.Polled) != 1 || report.Polled[0].Every != 10 || report.Polled[0].Certain != 1 {
		t.Errorf("exit %d, %v: %s%s", exit, err, out, errs)
	}
	if exit, _, errs := nudge("audit"); exit != exitUsage || !strings.Contains(errs, "name an access log") {
		t.Errorf("without a file: exit %d, %s", exit, errs)
	}
	if exit, _, errs := nudge("audit", filepath.Join(dir, "none.log")); exit != exitFailed || !strings.Contains(errs, "none.log: no such file") {
		t.Errorf("a file that is not there: exit %d, %s", exit, errs)
	}
}
