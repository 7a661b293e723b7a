package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"
)

// defaultFile is read when no other is named and it exists.
const defaultFile = "config.yaml"

const largestFile = 1 * MiB

// Loader says where a configuration comes from: flag before environment before
// file before default. The zero value reads ./config.yaml if it exists, and the
// environment. A Loader may be used again and again, from one goroutine each.
type Loader struct {
	// Path is the file named by --config; one that does not exist is an error.
	// Empty: ./config.yaml if it exists.
	Path string
	// NoDefaultFile leaves ./config.yaml alone when Path is empty.
	NoDefaultFile bool
	// Flags are the settings given on the command line, by dotted key; messages
	// call "poll.fast" --poll-fast.
	Flags map[string]string
	// Defaults hold where nothing is said; nil: Default(). Not changed.
	Defaults *Config
	// Purpose is what the configuration must be good for.
	Purpose Purpose
	// Only are the keys that matter, or sections of them: all others have their defaults, whatever is wrong
	// with them. For what must work while a gateway goes on with the configuration before. Empty: all matter.
	Only []string
}

// Loaded is a configuration that passed every check.
type Loaded struct {
	Config *Config
	// Path is the file that was read, "" when there was none.
	Path string
	// Origins says where each key was given: "config.yaml:31", "NUDGE_NODE" or
	// "--listen". A key that is not in it has its default.
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

// Load reads, checks and merges the configuration. What is wrong with it comes
// back as Problems, all of it at once.
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

func (l Loader) path() string {
	if l.Path == "" && !l.NoDefaultFile {
		return defaultFile
	}
	return l.Path
}

func (l Loader) read() reading {
	r := reading{path: l.path()}
	if r.path == "" {
		r.err = fs.ErrNotExist
		return r
	}
	file, err := os.Open(r.path)
	if err != nil {
		r.err = err
		return r
	}
	defer file.Close()
	r.data, r.err = io.ReadAll(io.LimitReader(file, int64(largestFile)+1))
	if Size(len(r.data)) > largestFile {
		r.err = fmt.Errorf("is larger than %v; this is hardly a configuration", largestFile)
	}
	return r
}

func (l Loader) load(r reading) (*Loaded, error) {
	loaded := &Loaded{Origins: map[string]string{}, print: r.fingerprint()}
	var problems Problems
	switch {
	case r.err == nil:
		loaded.Path = r.path
		loaded.Origins, problems = checkStrictly(r.path, r.data)
	case !r.missing() || l.Path != "":
		problems = Problems{unreadable(r)}
	}
	values, environmentProblems := checkEnvironment(os.LookupEnv)
	flags, flagProblems := checkFlags(l.Flags)
	problems, passed := l.serious(slices.Concat(problems, environmentProblems, flagProblems))
	if len(problems) > 0 {
		return nil, problems
	}
	for _, s := range settings {
		_, inFile := loaded.Origins[s.key]
		winner := ""
		if _, given := values[s.key]; given {
			winner = s.env
		}
		if _, given := flags[s.key]; given {
			winner = flagName(s.key)
		}
		if winner == "" {
			continue
		}
		loaded.Origins[s.key] = winner
		if inFile {
			loaded.Overruled = append(loaded.Overruled, s.key+" ("+winner+")")
		}
	}
	config, err := l.merge(r.data, flags)
	if err != nil {
		return nil, Problems{{Where: loaded.Path, Text: err.Error()}}
	}
	if problems, _ := l.serious(config.check(l.Purpose).locate(loaded.Origins)); len(problems) > 0 {
		return nil, problems
	}
	loaded.Config, loaded.Passed = config, passed
	if unknown := unknownVariables(os.Environ()); len(unknown) > 0 {
		loaded.Warnings = append(loaded.Warnings, "unknown variables are ignored: "+strings.Join(unknown, ", "))
	}
	return loaded, nil
}

// matters tells whether a key, or what is below it, is one of Only or below it.
func (l Loader) matters(key string) bool {
	return len(l.Only) == 0 || slices.ContainsFunc(l.Only, func(only string) bool {
		return key == only || strings.HasPrefix(key, only+".") || strings.HasPrefix(only, key+".")
	})
}

// serious parts the problems that matter from those that do not. A key of an unknown name may be a lost one that does.
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

// relevant is the file, which the strict check has read, without all that does not matter.
func (l Loader) relevant(file []byte) ([]byte, error) {
	documents, err := parseYAML(file)
	if err != nil || len(l.Only) == 0 || len(documents) == 0 {
		return file, err
	}
	var keep func(section string, node *yaml.Node)
	keep = func(section string, node *yaml.Node) {
		var kept []*yaml.Node
		for i := 0; i+1 < len(node.Content); i += 2 {
			name, value := node.Content[i], node.Content[i+1]
			key := join(section, name.Value)
			if name.Kind != yaml.ScalarNode || !l.matters(key) {
				continue
			}
			if value.Kind == yaml.MappingNode {
				keep(key, value)
			}
			kept = append(kept, name, value)
		}
		node.Content = kept
	}
	keep("", documents[0].Content[0])
	return yaml.Marshal(documents[0])
}

func unreadable(r reading) Problem {
	if r.missing() {
		return Problem{Where: r.path, Text: "does not exist; name the file with --config, or create it"}
	}
	err := r.err
	if inner, wrapped := errors.AsType[*fs.PathError](err); wrapped {
		err = inner.Err
	}
	return Problem{Where: r.path, Text: err.Error()}
}

// merge lets viper lay the layers over one another. Everything in them has
// passed a strict check, as far as it matters; nothing is converted but text to
// the key's own type.
func (l Loader) merge(file []byte, flags map[string]any) (*Config, error) {
	v := viper.New()
	v.SetConfigType("yaml")
	v.AllowEmptyEnv(true)
	defaults := l.Defaults
	if defaults == nil {
		defaults = Default()
	}
	for _, s := range settings {
		v.SetDefault(s.key, s.in(defaults).Interface())
		if !l.matters(s.key) {
			continue
		}
		// One by one: AutomaticEnv would let a variable such as NUDGE_PUSH hide
		// the section push.
		if err := v.BindEnv(s.key, s.env); err != nil {
			return nil, err
		}
	}
	file, err := l.relevant(file)
	if err != nil {
		return nil, err
	}
	if err := v.ReadConfig(bytes.NewReader(file)); err != nil {
		return nil, err
	}
	for key, value := range flags {
		v.Set(key, value)
	}
	config := new(Config)
	err = v.UnmarshalExact(config, func(d *mapstructure.DecoderConfig) {
		d.WeaklyTypedInput = false
		d.DecodeHook = decodeText
	})
	if err != nil {
		return nil, fmt.Errorf("decode configuration: %w", err)
	}
	return config, nil
}

// decodeText reads text as the type of the field it is for.
func decodeText(from, to reflect.Type, data any) (any, error) {
	text, isText := data.(string)
	if !isText || from == to {
		return data, nil
	}
	value, complaint := setting{typ: to}.parse(text)
	if complaint != "" {
		return nil, errors.New(complaint)
	}
	return value, nil
}
