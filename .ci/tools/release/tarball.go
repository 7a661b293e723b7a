package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"path"
	"slices"
	"time"
)

// file is one in an archive.
type file struct {
	name string
	mode int64
	text []byte
}

func byName(a, b file) int { return cmp.Compare(a.name, b.name) }

// tarball packs files into a directory of that name and compresses them. Its bytes follow from what is passed alone: no owner, no
// order and no time of this machine gets in.
func tarball(dir string, date time.Time, files []file) ([]byte, error) {
	packed, err := plainTarball(dir, date, files)
	if err != nil {
		return nil, err
	}
	return zipped(packed), nil
}

// plainTarball is tarball without compression. In a tarball of ".", which is unpacked into the root of a file system, each
// directory is there before its files.
func plainTarball(dir string, date time.Time, files []file) ([]byte, error) {
	var packed bytes.Buffer
	out := tar.NewWriter(&packed)
	known := map[string]bool{}
	var add func(name string) error
	add = func(name string) error {
		if known[name] || dir != "." {
			return nil
		}
		known[name] = true
		if name != "." {
			if err := add(path.Dir(name)); err != nil {
				return err
			}
			name = "./" + name
		}
		return out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Format: tar.FormatUSTAR, Name: name + "/", Mode: 0o755, ModTime: date})
	}
	for _, f := range slices.SortedFunc(slices.Values(files), byName) {
		if err := add(path.Dir(f.name)); err != nil {
			return nil, err
		}
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
	return packed.Bytes(), nil
}
