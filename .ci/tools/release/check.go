package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// check is what a release must pass before anybody gets it. These checks take a few seconds, and only make release runs them.
type check struct {
	name  string
	needs []string // programs; and root, if it is "root"
	run   func(r release, dir string) error
}

var checks = []check{
	{"lintian has no error and no warning", []string{"lintian"}, release.lint},
	{"systemd-analyze verifies the unit", []string{"systemd-analyze"}, release.verifyUnit},
	{"dpkg installs, upgrades, removes and purges the package", []string{"dpkg", "deb-systemd-helper", "root"}, release.install},
	{"the image runs as another user with a read-only root", []string{"chroot", "unshare", "root"}, release.runImage},
}

// checkAll runs all checks. One whose programs are not there is skipped, and said, unless all are required.
func (r release) checkAll() error {
	if r.deb64() == "" {
		return nil // not for this system
	}
	for _, c := range checks {
		if missing := slices.IndexFunc(c.needs, lacks); missing >= 0 {
			fmt.Printf("not checked, %s is missing: %s\n", c.needs[missing], c.name)
			if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
				return errors.New("all checks are required")
			}
			continue
		}
		dir, err := os.MkdirTemp("", "nudge-check-")
		if err != nil {
			return err
		}
		err = c.run(r, dir)
		os.RemoveAll(dir)
		if err != nil {
			return fmt.Errorf("this check fails: %s: %w", c.name, err)
		}
		fmt.Println("checked:", c.name)
	}
	return nil
}

func lacks(program string) bool {
	if program == "root" {
		return os.Getuid() != 0
	}
	_, err := exec.LookPath(program)
	return err != nil
}

// deb64 returns the path of the package for this machine; "" if there is none.
func (r release) deb64() string {
	path := filepath.Join(r.out, fmt.Sprintf("nudge_%s_%s.deb", r.version, runtime.GOARCH))
	if _, err := os.Stat(path); err != nil || runtime.GOOS != "linux" {
		return ""
	}
	return path
}

func (r release) lint(string) error {
	packages, err := filepath.Glob(filepath.Join(r.out, "*.deb"))
	if err != nil {
		return err
	}
	said, err := exec.Command("lintian", append([]string{"--allow-root", "--fail-on", "error,warning"}, packages...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, said)
	}
	return nil
}

// verifyUnit verifies the unit in a root that has the program.
func (r release) verifyUnit(dir string) error {
	if _, err := output(dir, nil, "dpkg-deb", "-x", r.deb64(), dir); err != nil {
		return err
	}
	unit, err := os.ReadFile(filepath.Join(dir, "lib/systemd/system/nudge.service"))
	if err != nil {
		return err
	}
	copied := filepath.Join(dir, "nudge.service")
	unit = bytes.ReplaceAll(unit, []byte("/usr/bin/nudge "), []byte(filepath.Join(dir, "usr/bin/nudge")+" "))
	if err := os.WriteFile(copied, unit, 0o644); err != nil {
		return err
	}
	verify := exec.Command("systemd-analyze", "verify", "--man=no", copied)
	said, err := verify.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, said)
	}
	if bytes.Contains(said, []byte("nudge")) { // it also says what is wrong with other units of this machine
		return fmt.Errorf("it warns:\n%s", said)
	}
	return nil
}

// install does to a root of its own what an administrator does to a machine.
func (r release) install(dir string) error {
	for _, path := range []string{"var/lib/dpkg/updates", "var/lib/dpkg/info", "var/log"} {
		if err := os.MkdirAll(filepath.Join(dir, path), 0o755); err != nil {
			return err
		}
	}
	for _, path := range []string{"var/lib/dpkg/status", "var/lib/dpkg/available"} {
		if err := os.WriteFile(filepath.Join(dir, path), nil, 0o644); err != nil {
			return err
		}
	}
	dpkg := func(args ...string) error {
		_, err := output(dir, nil, "dpkg", append([]string{"--root=" + dir, "--force-depends", "--force-script-chrootless", "--force-confold"}, args...)...)
		return err
	}
	settings := filepath.Join(dir, debConfig)
	if err := dpkg("--install", r.deb64()); err != nil {
		return err
	}
	secrets, err := os.Stat(filepath.Join(dir, debVars))
	if err != nil || secrets.Mode().Perm() != 0o600 {
		return fmt.Errorf("%s is readable by others (%v)", debVars, err)
	}
	env := []string{"NUDGE_AUTH_SECRET=" + strings.Repeat("x", 32)}
	if _, err := output(dir, env, filepath.Join(dir, "usr/bin/nudge"), "config", "check", "--config", settings); err != nil {
		return err
	}
	const mine = "listen: \":8080\"\n"
	if err := os.WriteFile(settings, []byte(mine), 0o644); err != nil {
		return err
	}
	if err := dpkg("--install", r.deb64()); err != nil {
		return err
	}
	if text, err := os.ReadFile(settings); err != nil || string(text) != mine {
		return fmt.Errorf("an upgrade lost the configuration: %v", err)
	}
	if err := dpkg("--remove", "nudge"); err != nil {
		return err
	}
	if _, err := os.Stat(settings); err != nil {
		return fmt.Errorf("the removal lost the configuration: %w", err)
	}
	if err := dpkg("--purge", "nudge"); err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !strings.HasPrefix(path, filepath.Join(dir, "var")) && strings.Contains(strings.TrimPrefix(path, dir), "nudge") {
			return fmt.Errorf("the purge left %s", path)
		}
		return err
	})
}

// runImage unpacks the image of this machine and runs it as a container engine would, without one.
func (r release) runImage(dir string) error {
	layout, root := filepath.Join(dir, "layout"), filepath.Join(dir, "root")
	packed, err := os.Open(filepath.Join(r.out, "nudge_"+r.version+"_oci.tar"))
	if err != nil {
		return err
	}
	defer packed.Close()
	if err := unpack(packed, layout); err != nil {
		return err
	}
	config, err := unpackImage(layout, root, runtime.GOARCH)
	if err != nil {
		return err
	}
	run := func(env []string, args ...string) *exec.Cmd {
		const contained = `mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && user=$1 && shift && exec chroot --userspec="$user" "$0" "$@"`
		cmd := exec.Command("unshare", append([]string{"--mount", "sh", "-ec", contained, root, config.User}, append(config.Entrypoint, args...)...)...)
		cmd.Env = append(append([]string{"PATH=" + os.Getenv("PATH")}, config.Env[1:]...), env...) // sh needs a longer PATH than the image has
		return cmd
	}
	if said, err := run(nil, "version").CombinedOutput(); err != nil || !strings.HasPrefix(string(said), "nudge "+r.version) {
		return fmt.Errorf("nudge version: %v: %s", err, said)
	}
	serve := run([]string{"NUDGE_AUTH_SECRET=" + strings.Repeat("x", 32), "NUDGE_LISTEN=127.0.0.1:0", "NUDGE_OPS_LISTEN=", "NUDGE_DRAIN_DELAY=0s"}, config.Cmd...)
	log, err := serve.StderrPipe()
	if err != nil {
		return err
	}
	if err := serve.Start(); err != nil {
		return err
	}
	defer serve.Process.Kill()
	var said strings.Builder
	for lines := bufio.NewScanner(log); lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		_, after, found := strings.Cut(lines.Text(), " listen=")
		if address, _, _ := strings.Cut(after, " "); found {
			go io.Copy(io.Discard, log)
			if err := live(address); err != nil {
				return err
			}
			if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
				return err
			}
			return serve.Wait()
		}
	}
	return fmt.Errorf("nudge serve ended: %v: %s", serve.Wait(), said.String())
}

// live asks a gateway whether it answers.
func live(address string) error {
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get("http://" + address + "/live")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("/live answers %s", resp.Status)
	}
	return nil
}

// containerConfig is how the process of an image is started.
type containerConfig struct {
	User                 string
	Entrypoint, Cmd, Env []string
}

// unpackImage unpacks the image of a processor from a layout.
func unpackImage(layout, root, goarch string) (c containerConfig, err error) {
	var document struct {
		Manifests, Layers []descriptor
		Config            json.RawMessage
	}
	read := func(path string) error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &document)
	}
	blob := func(d descriptor) string {
		return filepath.Join(layout, "blobs", strings.Replace(d.Digest, ":", "/", 1))
	}
	if err := read(filepath.Join(layout, "index.json")); err != nil {
		return c, err
	}
	if err := read(blob(document.Manifests[0])); err != nil {
		return c, err
	}
	at := slices.IndexFunc(document.Manifests, func(d descriptor) bool { return d.Platform != nil && d.Platform.Architecture == goarch })
	if at < 0 {
		return c, fmt.Errorf("no image for %s", goarch)
	}
	if err := read(blob(document.Manifests[at])); err != nil {
		return c, err
	}
	layer, err := os.Open(blob(document.Layers[0]))
	if err != nil {
		return c, err
	}
	defer layer.Close()
	plain, err := gzip.NewReader(layer)
	if err != nil {
		return c, err
	}
	if err := unpack(plain, root); err != nil {
		return c, err
	}
	var of descriptor
	if err := json.Unmarshal(document.Config, &of); err != nil {
		return c, err
	}
	if err := read(blob(of)); err != nil {
		return c, err
	}
	return c, json.Unmarshal(document.Config, &c)
}

// unpack writes the files of a tarball that we made below dir.
func unpack(packed io.Reader, dir string) error {
	for r := tar.NewReader(packed); ; {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return err
			}
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, text, h.FileInfo().Mode()); err != nil {
			return err
		}
	}
}
