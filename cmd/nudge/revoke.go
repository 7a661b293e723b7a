package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/terminal"
	"nudge/gateway/auth"
	"nudge/version"
	"nudge/version/control"
	"nudge/version/redis"
)

// revocation is a revocation as nudge revoke prints it, and as POST /revocations takes it: times in seconds since 1970.
type revocation struct {
	Name    string          `json:"name,omitempty"` // for nudge revoke undo
	ID      string          `json:"jti,omitempty"`
	Subject string          `json:"sub,omitempty"`
	Project version.Project `json:"project,omitzero"`
	Before  seconds         `json:"before,omitzero"`
	Until   seconds         `json:"until,omitzero"`
	Set     seconds         `json:"set,omitzero"`
}

func revocationOf(e control.RevocationEntry) revocation {
	return revocation{e.Name(), e.ID, e.Subject, e.Project, seconds{e.Before}, seconds{e.Until}, seconds{e.Time}}
}

// seconds is a time, as tokens give it.
type seconds struct{ time.Time }

// MarshalJSON writes s with milliseconds, if it has any.
func (s seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(s.UnixMilli())/1000, 'f', -1, 64), nil
}

func newRevokeCommand(loader func() config.Loader) *cobra.Command {
	var to remote
	var id, subject, project, before, until string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "revoke [--jti J] [--sub S] [--project P] [--before TIME]",
		Short: "Make tokens invalid before they expire, at all gateways",
		Long: "Revokes one token by its jti; all tokens of a user that were issued until now; access of\n" +
			"a user to one project; or everybody's tokens that were issued before a time. Streams\n" +
			"end within a probe, and requests with such a token are refused. Tokens that the\n" +
			"application signs later are good again, so it must stop signing them.\n\n" +
			"Stores the revocation in the configured Redis, or asks the gateway of --gateway, with a\n" +
			"token that has the claim revoke. It is kept until the tokens have expired: for\n" +
			"auth.token_life, or until --until. A time is now, 2026-11-27T06:30:00Z, or seconds since\n" +
			"1970. A token without iat counts as issued before any time.",
		Example: "  nudge revoke --sub ann\n  nudge revoke --sub ann --project 42\n  nudge revoke --before now\n" +
			"  nudge revoke --gateway http://127.0.0.1:8080 --token \"$(nudge token --revoke '*')\" --jti 7f3a\n" +
			"  nudge revoke list\n  nudge revoke undo NAME",
		Args: func(cmd *cobra.Command, args []string) error {
			err := noArguments(cmd, args)
			if err != nil && len(cmd.SuggestionsFor(args[0])) == 0 { // it may be a token, so it is not repeated
				return usageError{errors.New("revoke takes flags, not a name: write --sub S for a user, or --jti J for a token")}
			}
			return err
		},
	}
	to.flags(cmd)
	cmd.Flags().StringVar(&id, "jti", "", "the id of one token")
	cmd.Flags().StringVar(&subject, "sub", "", "the user whose tokens are revoked")
	cmd.Flags().StringVar(&project, "project", "", "with --sub: revoke access to this project only")
	cmd.Flags().StringVar(&before, "before", "", "revoke tokens issued before this time: now, a time, or seconds since 1970; with --sub its default is now")
	cmd.Flags().StringVar(&until, "until", "", "when the tokens have expired; default: after auth.token_life")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was revoked as JSON")
	cmd.AddCommand(newRevokeListCommand(loader), newRevokeUndoCommand(loader))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for _, name := range []string{"jti", "sub", "project", "before", "until"} { // perhaps a variable of a script that is not set
			if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
				return usageError{fmt.Errorf("--%s is empty; give it a value, or leave it out", name)}
			}
		}
		now := time.Now()
		r, err := parseRevocation(id, subject, project, before, until, now)
		if err != nil {
			return usageError{err}
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), publishTimeout)
		defer cancel()
		var revoked revocation
		if to.gateway != "" {
			revoked, err = to.revoke(ctx, r)
		} else {
			revoked, err = revokeInRedis(ctx, loader(), cmd.ErrOrStderr(), r, now)
		}
		if err != nil {
			return err
		}
		if asJSON {
			return terminal.WriteJSON(cmd.OutOrStdout(), revoked)
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), revoked.text())
		return err
	}
	return cmd
}

// parseRevocation reads the flags.
func parseRevocation(id, subject, project, before, until string, now time.Time) (r control.Revocation, err error) {
	r.ID, r.Subject = id, subject
	switch {
	case id+subject+before == "":
		return r, errors.New("nothing to revoke; write --jti J, --sub S, or --before TIME")
	case project != "" && (subject == "" || id != ""):
		return r, errors.New("--project goes with --sub only: nudge revoke --sub ann --project 42")
	}
	if project != "" {
		if r.Project, err = version.ParseProject(project); err != nil {
			return r, fmt.Errorf("--project: %w", err)
		}
	}
	if r.Before, err = parseTime(before, now); err != nil {
		return r, fmt.Errorf("--before: %w", err)
	}
	if r.Until, err = parseTime(until, now); err != nil {
		return r, fmt.Errorf("--until: %w", err)
	}
	return r, nil
}

// parseTime reads a time; "" is none.
func parseTime(text string, now time.Time) (time.Time, error) {
	switch n, err := strconv.ParseInt(text, 10, 64); {
	case text == "":
		return time.Time{}, nil
	case text == "now":
		return now, nil
	case err == nil && n > 0 && n < 253_402_300_800: // the year 10000
		return time.Unix(n, 0), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%.40q is no time; write now, one like %s, or seconds since 1970", text, now.UTC().Format(time.RFC3339))
	}
	return t, nil
}

// revoke asks the gateway to revoke.
func (r *remote) revoke(ctx context.Context, what control.Revocation) (revocation, error) {
	asked := revocation{ID: what.ID, Subject: what.Subject, Project: what.Project, Before: seconds{what.Before}, Until: seconds{what.Until}}
	text, err := json.Marshal(asked)
	if err != nil {
		return asked, err
	}
	req, err := r.request(ctx, http.MethodPost, "revocations", nil, text)
	if err != nil {
		return asked, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return asked, fmt.Errorf("%w; check that the gateway runs, and that --gateway is its address", clientError(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return asked, readGatewayError(resp)
	}
	return asked, nil
}

const noFleetToTell = "there is no fleet to tell; ask the one gateway: --gateway URL --token T"

// revokeInRedis stores a revocation for all gateways.
func revokeInRedis(ctx context.Context, l config.Loader, warnings io.Writer, r control.Revocation, now time.Time) (revocation, error) {
	source, c, err := emergencyRedis(l, warnings, noFleetToTell, "auth.token_life", "auth.leeway")
	if err != nil {
		return revocation{}, err
	}
	defer source.Close()
	r, err = r.WithDefaults(now, auth.Settings{TokenLife: c.Auth.TokenLife, Leeway: c.Auth.Leeway}.Longest())
	if err != nil {
		return revocation{}, usageError{err}
	}
	e, err := source.Revoke(ctx, r)
	return revocationOf(e), err
}

// text says what was revoked.
func (r revocation) text() string {
	text := "revoked: " + r.tokens()
	if !r.Until.IsZero() {
		text += ", kept until " + clock(r.Until)
	}
	if r.Name != "" {
		text += "; nudge revoke undo " + r.Name + " takes it back"
	}
	return text
}

// tokens says which tokens are revoked.
func (r revocation) tokens() string {
	parts := []string{"all tokens"}
	if r.Project != (version.Project{}) {
		parts = []string{"project " + r.Project.String() + " for tokens"}
	}
	if r.ID != "" {
		parts = append(parts, "with the id "+printable(r.ID))
	}
	if r.Subject != "" {
		parts = append(parts, "of "+printable(r.Subject))
	}
	switch {
	case !r.Before.IsZero():
		parts = append(parts, "issued before "+clock(r.Before))
	case r.Name == "" && r.Subject != "" && r.ID == "":
		parts = append(parts, "issued until now")
	}
	return strings.Join(parts, " ")
}

func clock(s seconds) string { return s.UTC().Format("2006-01-02 15:04:05 UTC") }

func newRevokeListCommand(loader func() config.Loader) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the revocations in force",
		Long:    "Lists the revocations in the configured Redis, the newest first, with the name of each.",
		Example: "  nudge revoke list --json",
		Args:    noArguments,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a list in JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		source, _, err := emergencyRedis(loader(), cmd.ErrOrStderr(), "no list outlives a gateway; /status says how many are in force")
		if err != nil {
			return err
		}
		defer source.Close()
		ctx, cancel := context.WithTimeout(cmd.Context(), publishTimeout)
		defer cancel()
		told, err := source.Control(ctx)
		if err != nil {
			return err
		}
		list := []revocation{}
		for _, e := range slices.Backward(told.Revocations) {
			if !e.Cleared {
				list = append(list, revocationOf(e))
			}
		}
		if asJSON {
			return terminal.WriteJSON(cmd.OutOrStdout(), list)
		}
		return printRevocations(cmd.OutOrStdout(), list)
	}
	return cmd
}

func printRevocations(w io.Writer, list []revocation) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "nothing is revoked")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tREVOKED\tSET\tKEPT UNTIL")
	for _, r := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", r.Name, r.tokens(), clock(r.Set), clock(r.Until))
	}
	return table.Flush()
}

func newRevokeUndoCommand(loader func() config.Loader) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "undo NAME",
		Short:   "Take a revocation back",
		Long:    "Ends the revocation with this name, which nudge revoke list shows. Its tokens are good again.",
		Example: "  nudge revoke undo 5d1f0c9ab33e42b8a1c07d6e",
		Args:    oneArgument("the name of the revocation, as nudge revoke list shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			source, _, err := emergencyRedis(loader(), cmd.ErrOrStderr(), "restart the gateway to forget its revocations")
			if err != nil {
				return err
			}
			defer source.Close()
			ctx, cancel := context.WithTimeout(cmd.Context(), publishTimeout)
			defer cancel()
			e, err := source.TakeBack(ctx, args[0])
			if errors.Is(err, redis.ErrNoRevocation) {
				return fmt.Errorf("%s: %w; nudge revoke list shows the names", printable(args[0]), err)
			}
			if err != nil {
				return err
			}
			if asJSON {
				return terminal.WriteJSON(cmd.OutOrStdout(), revocationOf(e))
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "taken back: "+revocationOf(e).tokens())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was taken back as JSON")
	return cmd
}
