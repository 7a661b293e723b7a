package gateway_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"nudge/internal/exectest"
)

// promtool runs Prometheus's checker.
func promtool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	cmd := exectest.Command(installed(t, "promtool"), args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "nudge_") {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtoolChecksMetrics(t *testing.T) {
	promtool(t, monitored(t), "check", "metrics")
}

// Each expression of the dashboard is PromQL, and names metrics that a gateway has.
func TestDashboard(t *testing.T) {
	raw, err := os.ReadFile("../deploy/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	metrics := monitored(t)
	var rules strings.Builder
	rules.WriteString("groups: [{name: dashboard, rules: [\n")
	n := 0
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			for _, name := range regexp.MustCompile(`nudge_\w+`).FindAllString(target.Expr, -1) {
				if !strings.Contains(metrics, "\n"+name+"{") && !strings.Contains(metrics, "\n"+name+" ") && !strings.HasPrefix(name, "nudge_connection") {
					t.Errorf("%s: no metric %s", p.Title, name)
				}
			}
			expr := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*").Replace(target.Expr)
			fmt.Fprintf(&rules, "{record: \"dashboard:expr%d\", expr: %q},\n", n, expr)
			n++
		}
	}
	if n < 20 {
		t.Errorf("only %d expressions", n)
	}
	rules.WriteString("]}]\n")
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exectest.Command(installed(t, "promtool"), "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
