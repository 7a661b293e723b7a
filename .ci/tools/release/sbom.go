package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// sbom returns the bill of materials of a program, CycloneDX as JSON. It names what the linker says is in the program: modules,
// the standard library, and libraries of the demo's page. The program does not know of the latter.
func sbom(info *debug.BuildInfo, r release, system string, vendored []cdx.Component) ([]byte, error) {
	components := []cdx.Component{library("golang/std", strings.TrimPrefix(info.GoVersion, "go"), "")}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		components = append(components, library("golang/"+m.Path, m.Version, m.Sum))
	}
	components = append(components, vendored...)
	program := cdx.Component{
		BOMRef: "nudge", Type: cdx.ComponentTypeApplication, Name: "nudge", Version: r.version,
		Licenses: &cdx.Licenses{{License: &cdx.License{ID: "MIT"}}},
		Properties: &[]cdx.Property{
			{Name: "nudge:commit", Value: r.commit}, {Name: "nudge:system", Value: system}, {Name: "nudge:go", Value: info.GoVersion},
		},
	}
	within := make([]string, len(components))
	for i, c := range components {
		within[i] = c.BOMRef
	}
	bom := cdx.NewBOM()
	bom.SerialNumber = ""
	bom.Metadata = &cdx.Metadata{Timestamp: r.date.Format(time.RFC3339), Component: &program}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: program.BOMRef, Dependencies: &within}}
	var text bytes.Buffer
	if err := cdx.NewBOMEncoder(&text, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("sbom: %w", err)
	}
	return text.Bytes(), nil
}

// library returns the component of a package URL's type and name. Sum is that of go.sum, or empty.
func library(name, version, sum string) cdx.Component {
	_, plain, _ := strings.Cut(name, "/")
	url := "pkg:" + strings.ToLower(name) + "@" + version // package URLs of Go and npm are in lower case
	c := cdx.Component{BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: plain, Version: version, PackageURL: url, Scope: cdx.ScopeRequired}
	if hash, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:")); err == nil && len(hash) > 0 {
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(hash)}}
	}
	return c
}

// vendored returns the libraries whose code is in the repository, and so in the program: those of the demo's page.
func (r release) vendored() ([]cdx.Component, error) {
	text, err := os.ReadFile(filepath.Join(r.root, "web", "package.json"))
	if err != nil {
		return nil, err
	}
	var manifest struct{ DevDependencies map[string]string }
	if err := json.Unmarshal(text, &manifest); err != nil {
		return nil, fmt.Errorf("web/package.json: %w", err)
	}
	version := manifest.DevDependencies["uplot"]
	if version == "" {
		return nil, fmt.Errorf("web/package.json does not have uplot, which the demo's chart is drawn with")
	}
	return []cdx.Component{library("npm/uplot", version, "")}, nil
}
