package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"slices"
	"time"
)

// file is one in an archive.
type file struct {
	name string
	mode int64
	text []byte
}

// tarball packs files into a directory of that name. Its bytes follow from what is passed alone: no owner, no order and no time
// of this machine gets in.
func tarball(dir string, date time.Time, files []file) ([]byte, error) {
	sorted := slices.SortedFunc(slices.Values(files), func(a, b file) int { return cmp.Compare(a.name, b.name) })
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	out := tar.NewWriter(zip)
	for _, f := range sorted {
		head := &tar.Header{
			Typeflag: tar.TypeReg, Format: tar.FormatUSTAR, Name: dir + "/" + f.name,
			Mode: f.mode, Size: int64(len(f.text)), ModTime: date,
		}
		if err := out.WriteHeader(head); err != nil {
			return nil, err
		}
		if _, err := out.Write(f.text); err != nil {
			return nil, err
		}
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}
