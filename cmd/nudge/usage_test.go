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

// A wrong call is one error that names the flag and what to write, whatever else is wrong. Nothing is done.
func TestWrongCallsNameTheFlagAndTheFix(t *testing.T) {
	for args, says := range map[string]string{
		"push on --percnt 10":           "push: unknown flag: --percnt; did you mean --percent?",
		"push on --percent":             "push: --percent has no value; write it behind the flag",
		"status --nothing-like-it":      "status: unknown flag: --nothing-like-it",
		"load --streams -5":             "--streams: -5 opens none; write 1 or more",
		"load --streams 0":              "--streams: 0 opens none; write 1 or more",
		"load --workers 65":             "--workers: 65 is above 64; write 64 or less",
		"load --rate -1":                "--rate: -1 is not from 0 to 1000000 advances per second; write a number such as 10",
		"load --gateway foo":            `--gateway "foo" is no URL; write one like http://127.0.0.1:8080`,
		"load --settle -5s":             "--settle: -5s is below 0; write one such as 30s",
		"simulate --browsers -1":        "--browsers: -1 is not from 0 to 5000000; write a number in between",
		"simulate --hours -1":           "--hours: -1 is not above 0 and up to 100; write a number in between",
		"simulate --fast -5s":           "--fast: -5s is below 0; write one such as 10s",
		"simulate --capacity -1":        "--capacity: -1 is not from 0 to 1000000; write a number in between, or 0 for no limit",
		"simulate --advances 20000":     "--advances: 20000 is above 10000 a second; write 10000 or less",
		"push on --ramp-to 50 --over 2": `--over: "2" is no time; write one such as 90m, 12h or 2d`,
	} {
		t.Run(args, func(t *testing.T) {
			exit, out, errs := nudge(strings.Fields(args)...)
			if first, _, _ := strings.Cut(errs, "\n"); exit != exitUsage || out != "" || first != "nudge: "+says {
				t.Errorf("exit %d, %q, %q", exit, out, errs)
			}
		})
	}
	if exit, out, errs := nudge("audit", "no-such.log"); exit != exitFailed || out != "" || !strings.Contains(errs, "no-such.log: no such file or directory; name an access log") {
		t.Errorf("audit: exit %d, %q, %q", exit, out, errs)
	}
}
