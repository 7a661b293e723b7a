package main

import (
	"bytes"
	"compress/gzip"
	"io"

	"github.com/andybalholm/brotli"
)

// compress is brotli as small as it gets. It is a Go package of a fixed version, since Node's own brotli changes with Node, and what is
// committed must be the same everywhere.
func compress(content []byte) []byte {
	return packed(content, func(w io.Writer) io.WriteCloser { return brotli.NewWriterLevel(w, brotli.BestCompression) })
}

// zipped is how many bytes gzip leaves, which a gateway does when it starts.
func zipped(content []byte) int {
	return len(packed(content, func(w io.Writer) io.WriteCloser {
		z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
		if err != nil {
			panic(err) // the level is one that gzip has
		}
		return z
	}))
}

func packed(content []byte, packer func(io.Writer) io.WriteCloser) []byte {
	var out bytes.Buffer
	w := packer(&out)
	_, _ = w.Write(content) // into memory: it cannot fail
	_ = w.Close()
	return out.Bytes()
}
