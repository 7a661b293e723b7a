package config

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/viper"
)

// Loader says where a configuration comes from. A flag overrides the environment, which overrides the file, which overrides
// the default. A Loader may be used many times, but not
// by two goroutines at once.
type Loader struct {
	// Path is the file named by --config; it is an error if it does not exist. "none": no file. Empty: the file that the
	// variable NUDGE_CONFIG names, likewise; else ./config.yaml if it exists.
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

	broken Problems    // in files that keys name, such as certificates. The configuration itself may be good
	inputs []string    // the files that were read besides Path, sorted
	print  fingerprint // of all files that were read
}

// Load reads, checks and merges the configuration. The error is Problems, which lists all mistakes.
func (l Loader) Load() (*Loaded, error) {
	loaded, problems := l.load(l.read(nil))
	if problems = append(problems, loaded.broken...); len(problems) > 0 {
		return nil, problems
	}
	return loaded, nil
}

// load makes a configuration from the file, the environment and the flags. Each value is read once, where it was given, into
// its key's type. After that only the order of the sources counts. It returns all mistakes; then the configuration must not
// be used.
func (l Loader) load(r *reading) (*Loaded, Problems) {
	loaded := &Loaded{}
	file, problems := l.readConfigFile(r)
	if r.err == nil {
		loaded.Path = r.path
	}
	environment, environmentProblems := l.readEnvironment(os.LookupEnv, r.file)
	flags, flagProblems := readFlags(l.Flags)
	problems, loaded.Passed = l.serious(slices.Concat(problems, environmentProblems, flagProblems))
	config, err := l.merge(file, environment, flags)
	if err != nil {
		return loaded, append(problems, Problem{Where: loaded.Path, Text: err.Error()})
	}
	loaded.Config = config
	loaded.Origins, loaded.Overruled = origins(file, environment, flags)
	wrong := loaded.useRedisURL()
	opened := l.openFiles(config, r)
	config.Files = opened.files
	for _, p := range config.check(l.Purpose) {
		if len(wrong) == 0 || !strings.HasPrefix(p.Key, "redis.") { // what is wrong with the URL comes first
			wrong = append(wrong, p)
		}
	}
	wrong, _ = l.serious(wrong.locate(loaded.Origins))
	problems = append(problems, wrong.except(problems)...)
	loaded.broken = Problems(opened.problems).locate(loaded.Origins).except(problems)
	loaded.Warnings = append(loaded.Warnings, opened.warnings...)
	if text := config.unusedRedisURL(); text != "" {
		loaded.Warnings = append(loaded.Warnings, text)
	}
	if unknown := unknownVariables(os.Environ()); len(unknown) > 0 {
		loaded.Warnings = append(loaded.Warnings, "unknown variables are ignored: "+strings.Join(unknown, ", "))
	}
	loaded.inputs, loaded.print = slices.Sorted(maps.Keys(r.files)), r.fingerprint()
	return loaded, problems
}

// readConfigFile reads the configuration file, if there is one.
func (l Loader) readConfigFile(r *reading) (layer, Problems) {
	switch {
	case r.err != nil && r.missing() && (!r.named || r.path == ""):
		return layer{}, nil
	case r.err != nil:
		return layer{}, Problems{r.problem()}
	}
	file, problems := readYAML(r.path, r.data)
	if r.named || !file.foreign {
		return file, problems
	}
	if len(l.Only) > 0 { // the command works without a file
		return layer{}, nil
	}
	return layer{}, Problems{{Where: r.path, Text: "has no key of Nudge, so it is probably another program's; " +
		"name yours with --config FILE or " + fileVariable + ", or write --config " + noFile + " to read no file"}}
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
