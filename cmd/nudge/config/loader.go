package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/viper"
)

// defaultFile is read if no other file is named, and if it exists.
const defaultFile = "config.yaml"

const largestFile = 1 * MiB

// Loader says where a configuration comes from. A flag overrides the environment, which overrides the file, which overrides
// the default. The zero value reads ./config.yaml if it exists, and the environment. A Loader may be used many times, but not
// by two goroutines at once.
type Loader struct {
	// Path is the file named by --config; it is an error if it does not exist. Empty: ./config.yaml if it exists.
	Path string
	// Flags are the settings given on the command line, by dotted key; messages call "poll.fast" --poll-fast.
	Flags map[string]string
	// Purpose says which checks the configuration must pass.
	Purpose Purpose
	// Only are the keys, or sections, that are read. All others get their defaults, and mistakes in them are ignored. It is
	// for commands that must work while the file has mistakes elsewhere. Empty: all keys are read.
	Only []string
}

// Loaded is a configuration that passed every check.
type Loaded struct {
	Config *Config
	// Path is the file that was read, "" when there was none.
	Path string
	// Origins says where each key was given: "config.yaml:31", "NUDGE_NODE" or "--listen". A key that is not in it has
	// its default.
	Origins map[string]string
	// Overruled are keys of the file that have no effect, each with the variable or flag that overrides it:
	// "push.enabled (NUDGE_PUSH_ENABLED)".
	Overruled []string
	// Passed are the mistakes that were ignored because of Only.
	Passed Problems
	// Warnings are for the log, one line each: allowed, but probably not intended.
	Warnings []string

	print fingerprint
}

// Load reads, checks and merges the configuration. The error is Problems, which lists all mistakes.
func (l Loader) Load() (*Loaded, error) { return l.load(l.read()) }

// A reading is the file as it was at one moment.
type reading struct {
	path string // as messages name it
	data []byte
	err  error // fs.ErrNotExist is fine for a file that nobody named
}

// A fingerprint is a hash of a reading, to compare two readings.
type fingerprint [sha256.Size]byte

func (r reading) fingerprint() fingerprint {
	if r.err != nil {
		return sha256.Sum256([]byte("error: " + r.err.Error()))
	}
	return sha256.Sum256(append([]byte("data: "), r.data...))
}

func (r reading) missing() bool { return errors.Is(r.err, fs.ErrNotExist) }

// problem says why the file cannot be read.
func (r reading) problem() Problem {
	if r.missing() {
		return Problem{Where: r.path, Text: "does not exist; name the file with --config, or create it"}
	}
	if cause, ok := errors.AsType[*fs.PathError](r.err); ok {
		return Problem{Where: r.path, Text: cause.Err.Error() + "; name a file that can be read with --config"}
	}
	return Problem{Where: r.path, Text: r.err.Error()}
}

func (l Loader) path() string {
	if l.Path == "" {
		return defaultFile
	}
	return l.Path
}

func (l Loader) read() reading {
	r := reading{path: l.path()}
	file, err := os.Open(r.path)
	if err != nil {
		r.err = err
		return r
	}
	defer file.Close()
	r.data, r.err = io.ReadAll(io.LimitReader(file, int64(largestFile)+1))
	if Size(len(r.data)) > largestFile {
		r.err = fmt.Errorf("is larger than %v; name a configuration with --config", largestFile)
	}
	return r
}

// load makes a configuration from the file, the environment and the flags. Each value is read once, where it was given, into
// its key's type. After that only the order of the sources counts.
func (l Loader) load(r reading) (*Loaded, error) {
	loaded := &Loaded{print: r.fingerprint()}
	var file layer
	var problems Problems
	switch {
	case r.err == nil:
		loaded.Path = r.path
		file, problems = readYAML(r.path, r.data)
	case !r.missing() || l.Path != "":
		problems = Problems{r.problem()}
	}
	environment, environmentProblems := readEnvironment(os.LookupEnv)
	flags, flagProblems := readFlags(l.Flags)
	problems, loaded.Passed = l.serious(slices.Concat(problems, environmentProblems, flagProblems))
	if len(problems) > 0 {
		return nil, problems
	}
	config, err := l.merge(file, environment, flags)
	if err != nil {
		return nil, Problems{{Where: loaded.Path, Text: err.Error()}}
	}
	loaded.Config = config
	loaded.Origins, loaded.Overruled = origins(file, environment, flags)
	if problems, _ := l.serious(config.check(l.Purpose).locate(loaded.Origins)); len(problems) > 0 {
		return nil, problems
	}
	if unknown := unknownVariables(os.Environ()); len(unknown) > 0 {
		loaded.Warnings = append(loaded.Warnings, "unknown variables are ignored: "+strings.Join(unknown, ", "))
	}
	return loaded, nil
}

// merge combines the layers with viper: a later layer overrides an earlier one.
func (l Loader) merge(layers ...layer) (*Config, error) {
	v := viper.New()
	for _, s := range settings {
		v.SetDefault(s.key, s.in(Default()).Interface())
		for _, above := range layers {
			if value, given := above.values[s.key]; given && l.matters(s.key) {
				v.Set(s.key, value)
			}
		}
	}
	config := new(Config)
	if err := v.UnmarshalExact(config); err != nil {
		return nil, fmt.Errorf("decode configuration: %w", err)
	}
	return config, nil
}

// origins returns where each value in effect was given, and which keys of the file are overridden.
func origins(file layer, others ...layer) (origins map[string]string, overruled []string) {
	origins = map[string]string{}
	for _, s := range settings {
		inFile, given := file.origins[s.key]
		if given {
			origins[s.key] = inFile
		}
		for _, other := range others {
			if name, given := other.origins[s.key]; given {
				origins[s.key] = name
			}
		}
		if given && origins[s.key] != inFile {
			overruled = append(overruled, s.key+" ("+origins[s.key]+")")
		}
	}
	return origins, overruled
}

// matters tells whether a key is in Only, is below a key of Only, or is above one.
func (l Loader) matters(key string) bool {
	return len(l.Only) == 0 || slices.ContainsFunc(l.Only, func(only string) bool {
		return key == only || strings.HasPrefix(key, only+".") || strings.HasPrefix(only, key+".")
	})
}

// serious separates the problems in keys that are read from all others. An unknown key counts as read: it may be a misspelt
// one.
func (l Loader) serious(problems Problems) (matter, passed Problems) {
	for _, p := range problems {
		key := strings.ToLower(p.Key)
		if p.Key == "" || l.matters(key) || l.matters(nearestKey(key)) {
			matter = append(matter, p)
		} else {
			passed = append(passed, p)
		}
	}
	return matter, passed
}
