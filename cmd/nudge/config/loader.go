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

// defaultFile is read when no other is named and it exists.
const defaultFile = "config.yaml"

const largestFile = 1 * MiB

// Loader says where a configuration comes from: flag before environment before file before default. The zero value reads
// ./config.yaml if it exists, and the environment. A Loader may be used again and again, from one goroutine each.
type Loader struct {
	// Path is the file named by --config; it is an error if it does not exist. Empty: ./config.yaml if it exists.
	Path string
	// Flags are the settings given on the command line, by dotted key; messages call "poll.fast" --poll-fast.
	Flags map[string]string
	// Purpose is what the configuration must be good for.
	Purpose Purpose
	// Only are the keys that matter, or sections of them. All others have their defaults, and mistakes in them are
	// passed over: for what must work while a gateway goes on with the configuration before. Empty: all matter.
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
	// Overruled are keys of the file that have no effect, each with the variable or flag that wins:
	// "push.enabled (NUDGE_PUSH_ENABLED)".
	Overruled []string
	// Passed are the mistakes that were passed over, since other keys alone matter.
	Passed Problems
	// Warnings are for the log, one line each: not wrong, but probably not meant.
	Warnings []string

	print fingerprint
}

// Load reads, checks and merges the configuration. The error is Problems: everything that is wrong, all at once.
func (l Loader) Load() (*Loaded, error) { return l.load(l.read()) }

// A reading is the file as it was at one moment.
type reading struct {
	path string // as messages name it
	data []byte
	err  error // fs.ErrNotExist is fine for a file that nobody named
}

// A fingerprint tells readings apart.
type fingerprint [sha256.Size]byte

func (r reading) fingerprint() fingerprint {
	if r.err != nil {
		return sha256.Sum256([]byte("error: " + r.err.Error()))
	}
	return sha256.Sum256(append([]byte("data: "), r.data...))
}

func (r reading) missing() bool { return errors.Is(r.err, fs.ErrNotExist) }

// problem is why it cannot be read.
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

// load makes a configuration of the file, the environment and the flags. Each value is read once, where it is given, and
// becomes a value of its key's type there; all that follows is which one wins.
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

// merge lets viper lay the layers over one another: a later one wins.
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

// origins is where each key's value in effect was given, and which keys of the file something else overrules.
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

// matters tells whether a key, or what is below it, is one of Only or below it.
func (l Loader) matters(key string) bool {
	return len(l.Only) == 0 || slices.ContainsFunc(l.Only, func(only string) bool {
		return key == only || strings.HasPrefix(key, only+".") || strings.HasPrefix(only, key+".")
	})
}

// serious parts the problems that matter from those that do not. A key with an unknown name may be meant for one that
// matters.
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
