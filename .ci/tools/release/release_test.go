package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

var date = time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)

// The bytes of an archive follow from names, modes, texts and the date alone.
func TestTarballIsReproducible(t *testing.T) {
	files := []file{{"nudge", 0o755, []byte("program")}, {"LICENSE", 0o644, []byte("licence")}}
	first, err := tarball("nudge_1", date, files)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(files)
	second, err := tarball("nudge_1", date, files)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("another order gives other bytes")
	}
	plain, err := gzip.NewReader(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	if !plain.ModTime.IsZero() || plain.Name != "" {
		t.Errorf("the gzip header has %v %q", plain.ModTime, plain.Name)
	}
	var names []string
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || !h.ModTime.Equal(date) {
			t.Errorf("%+v", h)
		}
		if want := map[bool]int64{true: 0o755, false: 0o644}[h.Name == "nudge_1/nudge"]; h.Mode != want {
			t.Errorf("%s: mode %o", h.Name, h.Mode)
		}
	}
	if got := strings.Join(names, " "); got != "nudge_1/LICENSE nudge_1/nudge" {
		t.Error(got)
	}
}

// The SBOM names every module that go version -m finds in a program, here in this test, and the same program gives the same one.
func TestSBOMNamesEveryModule(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	r := release{root: "../../..", version: "1.2.3", commit: "0123456789ab", date: date}
	vendored, err := r.vendored()
	if err != nil {
		t.Fatal(err)
	}
	text, err := sbom(info, r, "linux/amd64", vendored)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := sbom(info, r, "linux/amd64", vendored); err != nil || !bytes.Equal(text, again) {
		t.Errorf("another SBOM of the same program (%v)", err)
	}
	var bill struct {
		BomFormat, SpecVersion string
		Components             []struct{ Purl string }
		Dependencies           []struct{ DependsOn []string }
	}
	if err := json.Unmarshal(text, &bill); err != nil || bill.BomFormat != "CycloneDX" || bill.SpecVersion != "1.6" {
		t.Fatalf("%v: %s", err, text)
	}
	named := map[string]bool{}
	for _, c := range bill.Components {
		named[c.Purl] = true
	}
	if len(bill.Dependencies) != 1 || len(bill.Dependencies[0].DependsOn) != len(bill.Components) {
		t.Error("the program does not depend on all components")
	}
	said, err := exec.Command("go", "version", "-m", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"pkg:npm/uplot@" + vendored[0].Version, "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go")}
	for line := range strings.Lines(string(said)) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == "dep" {
			want = append(want, "pkg:golang/"+strings.ToLower(f[1])+"@"+f[2])
		}
	}
	for _, purl := range want {
		if !named[purl] {
			t.Errorf("the SBOM does not name %s", purl)
		}
	}
	if len(want) < 3 || len(want) != len(named) {
		t.Errorf("%d components, of %d", len(named), len(want))
	}
}
