package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
)

const (
	// defaultFile is read if no other file is named, and if it exists.
	defaultFile = "config.yaml"
	// noFile in the place of a file's name means that no file is read.
	noFile = "none"
	// fileVariable names the file, if --config does not.
	fileVariable = envPrefix + "CONFIG"
)

const largestFile = 1 * MiB

// path returns the name of the configuration file, "" for none, and whether somebody named it.
func (l Loader) path() (name string, named bool) {
	name = l.Path
	if name == "" {
		name = os.Getenv(fileVariable)
	}
	switch name {
	case "":
		return defaultFile, false
	case noFile:
		return "", true
	}
	return name, true
}

// A content is a file as it was at one moment.
type content struct {
	data []byte
	err  error
}

// A reading is all files of a configuration as they were at one moment: the configuration file, and the files that variables
// and keys name.
type reading struct {
	path  string // of the configuration file, as messages name it; "": there is none
	named bool   // somebody named it
	content
	files map[string]content // the other files, by name
}

// read reads the configuration file, and the files that it is expected to need.
func (l Loader) read(expected []string) *reading {
	path, named := l.path()
	r := &reading{path: path, named: named, files: map[string]content{}}
	if path == "" {
		r.err = fs.ErrNotExist
	} else if r.content = readFile(path); errors.Is(r.err, errTooLarge) {
		r.err = fmt.Errorf("%w; name a configuration with --config", r.err)
	}
	for _, name := range expected {
		r.file(name)
	}
	return r
}

// file returns another file. It reads the file at the first call only, so that all keys see one moment.
func (r *reading) file(name string) content {
	c, known := r.files[name]
	if !known {
		c = readFile(name)
		r.files[name] = c
	}
	return c
}

var errTooLarge = fmt.Errorf("is larger than %v", largestFile)

func readFile(name string) (c content) {
	file, err := os.Open(name)
	if err != nil {
		return content{err: err}
	}
	defer file.Close()
	c.data, c.err = io.ReadAll(io.LimitReader(file, int64(largestFile)+1))
	if Size(len(c.data)) > largestFile {
		c.err = errTooLarge
	}
	return c
}

// A fingerprint is a hash of a reading, to compare two readings.
type fingerprint [sha256.Size]byte

func (c content) fingerprint() fingerprint {
	if c.err != nil {
		return sha256.Sum256([]byte("error: " + c.err.Error()))
	}
	return sha256.Sum256(append([]byte("data: "), c.data...))
}

// fingerprint is that of all files that were read.
func (r *reading) fingerprint() fingerprint {
	hash := sha256.New()
	own := r.content.fingerprint()
	hash.Write(own[:])
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		one := r.files[name].fingerprint()
		fmt.Fprintf(hash, "%q", name)
		hash.Write(one[:])
	}
	return fingerprint(hash.Sum(nil))
}

func (r *reading) missing() bool { return errors.Is(r.err, fs.ErrNotExist) }

// problem says why the configuration file cannot be read.
func (r *reading) problem() Problem {
	if r.missing() {
		return Problem{Where: r.path, Text: "does not exist; name the file with --config, or create it"}
	}
	if cause, ok := errors.AsType[*fs.PathError](r.err); ok {
		return Problem{Where: r.path, Text: cause.Err.Error() + "; name a file that can be read with --config"}
	}
	return Problem{Where: r.path, Text: r.err.Error()}
}

// only returns the reading without the files that are not in names.
func (r *reading) only(names []string) *reading {
	less := *r
	less.files = map[string]content{}
	for _, name := range names {
		less.files[name] = r.file(name)
	}
	return &less
}
