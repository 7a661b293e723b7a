package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// goWords are those of Go in an error, which say nothing to users.
var goWords = regexp.MustCompile(`strconv|strings\.|\b(?i:parse|parsing|syntax|unmarshal|invalid argument)\b`)

// What is wrong with the value of any flag of any command is said in words of users.
func TestFlagErrorsAreInWordsOfUsers(t *testing.T) {
	flags := 0
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if kind := f.Value.Type(); kind == "string" || kind == "help" {
				return
			}
			flags++
			for _, value := range []string{"x", "10x", "1e999", "99999999999999999999", "\"", "\x00", strings.Repeat("9", 400)} {
				if f.Value.Set(value) == nil {
					continue
				}
				args := append(strings.Fields(cmd.CommandPath())[1:], "--"+f.Name+"="+value)
				code, out, errs := nudge(args...)
				if code != exitUsage || out != "" || goWords.MatchString(errs) || !strings.Contains(errs, "; write ") {
					t.Errorf("nudge %q: exit %d, %s%s", args, code, out, errs)
				}
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRootCommand())
	if flags < 30 {
		t.Errorf("%d flags were tried", flags)
	}
}
