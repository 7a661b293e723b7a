package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError says that a command was called in another way than its help says. The exit code is 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// noArguments refuses arguments. One where a sub-command is expected was meant as its name.
func noArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasAvailableSubCommands():
		return unknownCommand(cmd, args[0])
	}
	return usageError{fmt.Errorf("%stakes no arguments, and got %q", prefix(cmd, " "), args[0])}
}

// prefix names a command at the beginning of an error, which has the program's name already; "" for the program itself.
func prefix(cmd *cobra.Command, end string) string {
	if _, path, below := strings.Cut(cmd.CommandPath(), " "); below {
		return path + end
	}
	return ""
}

// unknownCommand names the commands of parent that the name may be a misspelling of.
func unknownCommand(parent *cobra.Command, name string) error {
	parent.SuggestionsMinimumDistance = 2 // letters that differ; two that are swapped count as two
	path := parent.CommandPath()
	text := fmt.Sprintf("there is no command %q", prefix(parent, " ")+name)
	if meant := parent.SuggestionsFor(name); len(meant) > 0 {
		text += "; did you mean " + path + " " + strings.Join(meant, ", or "+path+" ") + "?"
	}
	return usageError{errors.New(text)}
}

// newHelpCommand is that of cobra, except that it fails if there is no such command.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show what a command does, its flags and examples",
		Example: "  nudge help token check",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil {
				return usageError{err}
			}
			if len(rest) > 0 && about.HasAvailableSubCommands() {
				return unknownCommand(about, rest[0])
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
			if above, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
				for _, sub := range above.Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// shells are those that nudge completion writes for, each with an example of how to load it.
var shells = []struct {
	name, load string
	write      func(root *cobra.Command, w io.Writer) error
}{
	{"bash", "source <(nudge completion bash)\n  nudge completion bash > /etc/bash_completion.d/nudge", func(root *cobra.Command, w io.Writer) error {
		return root.GenBashCompletionV2(w, true)
	}},
	{"zsh", "source <(nudge completion zsh)\n  nudge completion zsh > \"${fpath[1]}/_nudge\"", (*cobra.Command).GenZshCompletion},
	{"fish", "nudge completion fish | source\n  nudge completion fish > ~/.config/fish/completions/nudge.fish", func(root *cobra.Command, w io.Writer) error {
		return root.GenFishCompletion(w, true)
	}},
}

// newCompletionCommand is that of cobra, with examples, errors and exit codes like those of the other commands.
func newCompletionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "completion",
		Short: "Print completions for bash, zsh or fish",
		Long: "Prints a script with which the shell completes commands, flags and their values. Load it in\n" +
			"the shell's start-up file, or put it where the shell looks for completions. bash needs the\n" +
			"package bash-completion.",
		Example: "  source <(nudge completion bash)\n  nudge completion fish > ~/.config/fish/completions/nudge.fish",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("completion: say for which shell: bash, zsh or fish")}
		},
	}
	for _, shell := range shells {
		cmd.AddCommand(&cobra.Command{
			Use:     shell.name,
			Short:   "Print completions for " + shell.name,
			Long:    "Prints a script with which " + shell.name + " completes commands, flags and their values.",
			Example: "  " + shell.load,
			Args:    noArguments,
			RunE:    func(cmd *cobra.Command, _ []string) error { return shell.write(cmd.Root(), cmd.OutOrStdout()) },
		})
	}
	return cmd
}

// complete sets what the shell offers for a flag.
func complete(cmd *cobra.Command, flag string, offer cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, offer); err != nil {
		panic(err) // the flag is misspelt here
	}
}

// completeValues offers the values of a flag that takes no others.
func completeValues(cmd *cobra.Command, flag string, values ...string) {
	complete(cmd, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// flagError says what a flag that cannot be read takes, in the words of users: the cause is in those of Go.
func flagError(cmd *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) {
		f := bad.GetFlag()
		err = fmt.Errorf("--%s: %q %s", f.Name, bad.GetValue(), wrongValue(f, bad))
	}
	var valueless *pflag.ValueRequiredError
	if errors.As(err, &valueless) {
		err = fmt.Errorf("--%s has no value; write it behind the flag", valueless.GetFlag().Name)
	}
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		if meant := similarFlag(cmd, unknown.GetSpecifiedName()); meant != "" {
			err = fmt.Errorf("%w; did you mean --%s?", err, meant)
		}
	}
	return usageError{fmt.Errorf("%s%w", prefix(cmd, ": "), err)}
}

// similarFlag returns the flag of cmd that the name may be a misspelling of; "": none. What is similar, cobra knows of commands.
func similarFlag(cmd *cobra.Command, name string) string {
	known := &cobra.Command{SuggestionsMinimumDistance: 2}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		known.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	if meant := known.SuggestionsFor(name); len(meant) > 0 {
		return meant[0]
	}
	return ""
}

// wrongValue says what is wrong with the value of f, and what to write instead.
func wrongValue(f *pflag.Flag, cause error) string {
	if errors.Is(cause, strconv.ErrRange) {
		return "is too large; write a smaller number"
	}
	example := func(otherwise string) string { // the default, if it says something
		if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "[]" {
			return f.DefValue
		}
		return otherwise
	}
	switch f.Value.Type() {
	case "int", "uint64":
		return "is not a whole number; write plain digits, such as " + example("100")
	case "float64":
		return "is not a number; write digits, such as " + example("0.5")
	case "duration":
		return "is not a duration; write a number with ms, s, m or h, such as 15s"
	case "bool":
		return "is not true or false; write one of them, or the flag alone for true"
	case "intSlice":
		return "is not a list of whole numbers; write them with commas between them, such as 42,7"
	}
	return "is not a list; write the entries with commas between them, such as 42,7"
}
