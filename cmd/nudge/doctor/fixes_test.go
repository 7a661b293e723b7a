//go:build unix

package doctor

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nudge/internal/exectest"
)

// The proxies of Debian take the lines that the doctor prints for them. Those that say what to remove are no configuration.
func TestProxiesTakeRemedies(t *testing.T) {
	t.Parallel()
	braces := strings.NewReplacer(" { ", " {\n", " }", "\n}", " …", " 127.0.0.1:8080")
	for name, proxy := range map[string]struct {
		program string
		args    []string // before the file
		frame   func(line string) string
	}{
		"nginx": {"/usr/sbin/nginx", []string{"-t", "-q", "-e", "stderr", "-c"}, func(line string) string {
			return "pid DIR/pid; events {} http { access_log off; client_body_temp_path DIR/a; proxy_temp_path DIR/b; fastcgi_temp_path DIR/c; uwsgi_temp_path DIR/d; scgi_temp_path DIR/e;" +
				" server { listen 127.0.0.1:1; location / { proxy_pass http://127.0.0.1:8080; " + line + " } } }"
		}},
		"HAProxy": {"/usr/sbin/haproxy", []string{"-c", "-q", "-f"}, func(line string) string {
			defaults, frontend := line, ""
			if strings.HasPrefix(line, "use_backend") {
				defaults, frontend = frontend, defaults
			}
			return "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n " + defaults +
				"\nfrontend f\n bind 127.0.0.1:1\n " + frontend + "\nbackend gateways\n server gw1 127.0.0.1:8080\n"
		}},
		"Caddy": {"/usr/bin/caddy", []string{"adapt", "--adapter", "caddyfile", "--config"}, func(line string) string {
			if strings.HasPrefix(line, "servers") {
				return "{\n" + braces.Replace(line) + "\n}\n"
			}
			return ":1 {\n" + braces.Replace(line) + "\n}\n"
		}},
		"Apache": {"/usr/sbin/apache2", []string{"-t", "-f"}, func(line string) string {
			text := "ServerName localhost\nDefaultRuntimeDir DIR\nErrorLog /dev/stderr\n"
			for _, module := range []string{"mpm_event", "authz_core", "proxy", "proxy_http", "setenvif"} {
				text += "LoadModule " + module + "_module /usr/lib/apache2/modules/mod_" + module + ".so\n"
			}
			return text + line + "\n"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(proxy.program); err != nil {
				if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			for kind, lines := range remedies {
				for _, line := range lines[name] {
					if strings.HasPrefix(line, "remove ") || strings.HasPrefix(line, "move ") {
						continue
					}
					dir := t.TempDir()
					file := filepath.Join(dir, "config")
					if err := os.WriteFile(file, []byte(strings.ReplaceAll(proxy.frame(line), "DIR", dir)), 0o600); err != nil {
						t.Fatal(err)
					}
					if out, err := exectest.Command(proxy.program, append(proxy.args, file)...).CombinedOutput(); err != nil {
						t.Errorf("%s: %q: %v\n%s", kind, line, err, out)
					}
				}
			}
		})
	}
}
