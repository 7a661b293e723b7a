package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Types of the parts of an image, as the OCI image specification names them.
const (
	ociIndex    = "application/vnd.oci.image.index.v1+json"
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociConfig   = "application/vnd.oci.image.config.v1+json"
	ociLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// authoritiesModule has the certificates that clients of TLS trust.
const authoritiesModule = "golang.org/x/crypto/x509roots/fallback"

// nobody is the user and group of the process in an image: a number, so that Kubernetes sees that it is not root.
const nobody = "65532:65532"

// imageConfig is the configuration in the image. A file that is mounted over it replaces all of it; variables would win over
// such a file.
const imageConfig = "# All settings: /usr/share/doc/nudge/config.yaml\nlisten: \":8080\"\n"

// descriptor names a blob.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// image is an OCI image layout that grows.
type image struct {
	blobs     map[string][]byte
	manifests []descriptor
}

// add keeps a blob, once.
func (i *image) add(mediaType string, blob []byte) descriptor {
	digest := fmt.Sprintf("%x", sha256.Sum256(blob))
	if i.blobs == nil {
		i.blobs = map[string][]byte{}
	}
	i.blobs[digest] = blob
	return descriptor{MediaType: mediaType, Digest: "sha256:" + digest, Size: len(blob)}
}

// addJSON is add for a document.
func (i *image) addJSON(mediaType string, document any) (descriptor, error) {
	text, err := json.Marshal(document)
	return i.add(mediaType, text), err
}

// addPlatform adds the image of a processor, which has one layer of files.
func (i *image) addPlatform(r release, goarch string, files []file) error {
	plain, err := plainTarball(".", r.date, files)
	if err != nil {
		return err
	}
	about := map[string]string{
		"org.opencontainers.image.title": "nudge", "org.opencontainers.image.version": r.version, "org.opencontainers.image.revision": r.commit,
		"org.opencontainers.image.licenses": "MIT", "org.opencontainers.image.created": r.date.Format(time.RFC3339),
	}
	config, err := i.addJSON(ociConfig, map[string]any{
		"created": r.date.Format(time.RFC3339), "architecture": goarch, "os": "linux",
		"config": map[string]any{
			"User": nobody, "Entrypoint": []string{"/usr/bin/nudge"}, "Cmd": []string{"serve"}, "WorkingDir": "/", "StopSignal": "SIGTERM",
			"Env": []string{"PATH=/usr/bin", "NUDGE_CONFIG=/etc/nudge/config.yaml"}, "ExposedPorts": map[string]any{"8080/tcp": struct{}{}}, "Labels": about,
		},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(plain))}},
		"history": []any{map[string]any{"created": r.date.Format(time.RFC3339), "created_by": "make release"}},
	})
	if err != nil {
		return err
	}
	manifest, err := i.addJSON(ociManifest, map[string]any{
		"schemaVersion": 2, "mediaType": ociManifest, "config": config, "layers": []descriptor{i.add(ociLayer, zipped(plain))}, "annotations": about,
	})
	manifest.Platform = &platform{Architecture: goarch, OS: "linux"}
	i.manifests = append(i.manifests, manifest)
	return err
}

// archive returns the layout as a tarball, as skopeo and Podman read it. It has one image of that name, such as nudge:0.1.0, for all processors.
func (i *image) archive(r release, name string) ([]byte, error) {
	index, err := i.addJSON(ociIndex, map[string]any{"schemaVersion": 2, "mediaType": ociIndex, "manifests": i.manifests})
	if err != nil {
		return nil, err
	}
	// Podman reads the first, Docker the second.
	index.Annotations = map[string]string{"org.opencontainers.image.ref.name": name, "io.containerd.image.name": "docker.io/library/" + name}
	top, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": ociIndex, "manifests": []descriptor{index}})
	if err != nil {
		return nil, err
	}
	files := []file{{"oci-layout", 0o644, []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {"index.json", 0o644, top}}
	for digest, blob := range i.blobs {
		files = append(files, file{"blobs/sha256/" + digest, 0o644, blob})
	}
	return plainTarball(".", r.date, files)
}

// rootFiles are the files of an image: the program, who it runs as, and what TLS to Redis, key servers and collectors needs.
func (r release) rootFiles(p program, settings []byte) []file {
	return []file{
		{"usr/bin/nudge", 0o755, p.binary},
		{"etc/passwd", 0o644, []byte("root:x:0:0:root:/:/none\nnudge:x:65532:65532:nudge:/:/none\n")},
		{"etc/group", 0o644, []byte("root:x:0:\nnudge:x:65532:\n")},
		{"etc/nudge/config.yaml", 0o644, []byte(imageConfig)},
		{"etc/ssl/certs/ca-certificates.crt", 0o644, authorities()},
		{"usr/share/doc/nudge/config.yaml", 0o644, settings},
		{"usr/share/doc/nudge/LICENSES-OF-LIBRARIES.txt", 0o644, p.licences},
		{"usr/share/doc/nudge/sbom.cdx.json", 0o644, p.bill},
	}
}

// authorities returns the certificates that Mozilla trusts, those aside that it trusts with a condition that PEM cannot say. They
// are those of a Go module, not of this machine, so that they are the same everywhere.
func authorities() []byte {
	var all strings.Builder
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&all, &pem.Block{Type: "CERTIFICATE", Bytes: bytes.Clone(root.Certificate)}) // a builder takes everything
		}
	}
	return []byte(all.String())
}
