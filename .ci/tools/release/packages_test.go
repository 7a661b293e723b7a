package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var tried = release{root: "../../..", version: "1.2.3", commit: "0123456789ab", date: date}

// A package is what dpkg reads, and the same files give the same bytes.
func TestDebianPackage(t *testing.T) {
	p := program{binary: []byte("#!/bin/sh\n"), bill: []byte("{}"), licences: []byte("licences")}
	manual := []file{{"man/nudge-serve.1", 0o644, []byte(".TH")}, {"completions/nudge.bash", 0o644, []byte("complete")}}
	first, err := tried.deb("arm64", p, manual)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(manual)
	if again, err := tried.deb("arm64", p, manual); err != nil || !bytes.Equal(first, again) {
		t.Errorf("another order gives other bytes (%v)", err)
	}
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("dpkg-deb is not installed")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "nudge.deb")
	if err := os.WriteFile(path, first, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := output(dir, nil, "dpkg-deb", "--field", path, "Package", "Version", "Architecture"); err != nil || got != "Package: nudge\nVersion: 1.2.3\nArchitecture: arm64\n" {
		t.Errorf("%v: %s", err, got)
	}
	if _, err := output(dir, nil, "dpkg-deb", "--raw-extract", path, "all"); err != nil {
		t.Fatal(err)
	}
	if _, err := output(filepath.Join(dir, "all"), nil, "md5sum", "--check", "--strict", "DEBIAN/md5sums"); err != nil {
		t.Error(err)
	}
	for name, mode := range map[string]os.FileMode{
		"usr/bin/nudge": 0o755, debConfig: 0o644, debVars: 0o600, "lib/systemd/system/nudge.service": 0o644,
		"usr/share/man/man1/nudge-serve.1.gz": 0o644, "usr/share/bash-completion/completions/nudge": 0o644, "DEBIAN/postinst": 0o755,
	} {
		if info, err := os.Stat(filepath.Join(dir, "all", name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, want mode %o", name, err, mode)
		}
	}
}

// An image is found by its digests for each processor, is not run by root, and has no configuration that wins over a mounted file.
func TestImage(t *testing.T) {
	build := func() []byte {
		var i image
		for _, goarch := range []string{"amd64", "arm64"} {
			p := program{binary: []byte("program for " + goarch)}
			if err := i.addPlatform(tried, goarch, tried.rootFiles(p, []byte("settings"))); err != nil {
				t.Fatal(err)
			}
		}
		packed, err := i.archive(tried, "nudge:1.2.3")
		if err != nil {
			t.Fatal(err)
		}
		return packed
	}
	packed := build()
	if !bytes.Equal(packed, build()) {
		t.Error("another build gives other bytes")
	}
	dir := t.TempDir()
	if err := unpack(bytes.NewReader(packed), filepath.Join(dir, "layout")); err != nil {
		t.Fatal(err)
	}
	for _, goarch := range []string{"amd64", "arm64"} {
		root := filepath.Join(dir, goarch)
		c, err := unpackImage(filepath.Join(dir, "layout"), root, goarch)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(filepath.Join(root, c.Entrypoint[0])); err != nil || string(text) != "program for "+goarch {
			t.Errorf("%s: %v %q", goarch, err, text)
		}
		if c.User != nobody || strings.HasPrefix(c.User, "0") {
			t.Errorf("%s: runs as %s", goarch, c.User)
		}
		for _, variable := range c.Env {
			if strings.HasPrefix(variable, "NUDGE_") && !strings.HasPrefix(variable, "NUDGE_CONFIG=") {
				t.Errorf("%s would win over a mounted file", variable)
			}
		}
	}
	trusted := 0
	for rest := authorities(); ; trusted++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			t.Error(err)
		}
	}
	if trusted < 100 {
		t.Errorf("%d authorities", trusted)
	}
}
