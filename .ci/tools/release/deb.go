package main

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Where a Debian package has its files. Everything else is only in the archives.
const (
	debDocs     = "usr/share/doc/nudge/"
	debConfig   = "etc/nudge/config.yaml"
	debVars     = "etc/nudge/environment"
	maintainers = "The Nudge authors <maintainers@nudge.invalid>"
)

// deb returns the Debian package of a program, with the manual pages and completions of manual.
func (r release) deb(goarch string, p program, manual []file) ([]byte, error) {
	files := []file{
		{"usr/bin/nudge", 0o755, p.binary},
		{debDocs + "sbom.cdx.json.gz", 0o644, zipped(p.bill)},
		{debDocs + "LICENSES-OF-LIBRARIES.txt.gz", 0o644, zipped(p.licences)},
		{debDocs + "changelog.gz", 0o644, zipped(fmt.Appendf(nil, "nudge (%s) stable; urgency=medium\n\n  * CHANGELOG.md.gz says what is new. Built from commit %s.\n\n -- %s  %s\n",
			r.version, r.commit, maintainers, r.date.Format(time.RFC1123Z)))},
	}
	for _, f := range []struct {
		from, to string
		mode     int64
	}{
		{"config.yaml", debConfig, 0o644},
		{"deploy/debian/environment", debVars, 0o600},
		{"deploy/nudge.service", "lib/systemd/system/nudge.service", 0o644},
		{"deploy/debian/lintian-overrides", "usr/share/lintian/overrides/nudge", 0o644},
		{"deploy/debian/copyright", debDocs + "copyright", 0o644},
		{"CHANGELOG.md", debDocs + "CHANGELOG.md.gz", 0o644},
		{"version/publish/publish.lua", "usr/share/nudge/publish.lua", 0o644},
	} {
		text, err := os.ReadFile(filepath.Join(r.root, f.from))
		if err != nil {
			return nil, err
		}
		if f.to == debDocs+"copyright" { // its last stanza has the text of the licence, indented
			licence, err := os.ReadFile(filepath.Join(r.root, "LICENSE"))
			if err != nil {
				return nil, err
			}
			text = append(bytes.TrimRight(text, "\n"), '\n')
			_, terms, _ := strings.Cut(string(licence), "authors\n\n")
			for line := range strings.Lines(terms) {
				if line == "\n" {
					line = ".\n"
				}
				text = append(text, " "+line...)
			}
		}
		if strings.HasSuffix(f.to, ".gz") {
			text = zipped(text)
		}
		files = append(files, file{f.to, f.mode, text})
	}
	for _, f := range manual {
		switch dir, name := filepath.Split(f.name); {
		case dir == "man/":
			files = append(files, file{"usr/share/man/man" + strings.TrimPrefix(filepath.Ext(name), ".") + "/" + name + ".gz", 0o644, zipped(f.text)})
		case name == "nudge.bash":
			files = append(files, file{"usr/share/bash-completion/completions/nudge", 0o644, f.text})
		case name == "_nudge":
			files = append(files, file{"usr/share/zsh/vendor-completions/_nudge", 0o644, f.text})
		case name == "nudge.fish":
			files = append(files, file{"usr/share/fish/vendor_completions.d/nudge.fish", 0o644, f.text})
		}
	}
	control, err := r.control(goarch, files)
	if err != nil {
		return nil, err
	}
	head, err := tarball(".", r.date, control)
	if err != nil {
		return nil, err
	}
	body, err := tarball(".", r.date, files)
	if err != nil {
		return nil, err
	}
	return ar(r.date, []file{{"debian-binary", 0o644, []byte("2.0\n")}, {"control.tar.gz", 0o644, head}, {"data.tar.gz", 0o644, body}}), nil
}

// control returns what dpkg reads of a package before it unpacks it.
func (r release) control(goarch string, files []file) ([]file, error) {
	var sums bytes.Buffer
	size := 0
	for _, f := range slices.SortedFunc(slices.Values(files), byName) {
		size += (len(f.text) + 1023) / 1024
		if f.name != debConfig && f.name != debVars {
			fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(f.text), f.name)
		}
	}
	about := fmt.Sprintf(`Package: nudge
Version: %s
Architecture: %s
Maintainer: %s
Installed-Size: %d
Depends: init-system-helpers (>= 1.54~)
Recommends: ca-certificates
Suggests: redis-server
Section: net
Priority: optional
Description: gateway that tells web pages when to poll
 Pages that poll for changes get hints over server-sent events as soon as
 there is news, and poll rarely while these hints work. If they do not, pages
 poll as before. News comes from the pub/sub of Redis.
`, r.version, goarch, maintainers, size)
	all := []file{{"control", 0o644, []byte(about)}, {"md5sums", 0o644, sums.Bytes()}, {"conffiles", 0o644, []byte("/" + debConfig + "\n/" + debVars + "\n")}}
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		text, err := os.ReadFile(filepath.Join(r.root, "deploy/debian", script))
		if err != nil {
			return nil, err
		}
		all = append(all, file{script, 0o755, text})
	}
	return all, nil
}

// zipped compresses a text, with no name and time in it.
func zipped(text []byte) []byte {
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = zip.Write(text)
	}
	if err == nil {
		err = zip.Close()
	}
	if err != nil {
		panic(err) // a buffer takes everything
	}
	return out.Bytes()
}

// ar packs files as ar(5) says: a line of 60 bytes before each, and an even length.
func ar(date time.Time, files []file) []byte {
	out := bytes.NewBufferString("!<arch>\n")
	for _, f := range files {
		fmt.Fprintf(out, "%-16s%-12d%-6d%-6d%-8o%-10d`\n%s", f.name, date.Unix(), 0, 0, 0o100000|f.mode, len(f.text), f.text)
		if len(f.text)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}
