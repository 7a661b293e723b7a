package demo

// The board's past: a small team a week before it ships something. Its version
// shows that a project's number need not start at nought.
const (
	boardName   = "Lighthouse"
	seedVersion = 123
)

var seed = []story{
	{Title: "Import stories from a spreadsheet", Column: "backlog"},
	{Title: "Keyboard shortcut to assign a story to me", Column: "backlog"},
	{Title: "Let guests comment without an account", Column: "backlog"},
	{Title: "Show who else is looking at a story", Column: "backlog"},
	{Title: "Weekly digest says what moved, not what was typed", Column: "backlog"},
	{Title: "Search finds stories by their old titles", Column: "doing"},
	{Title: "Undo a move within ten seconds", Column: "doing"},
	{Title: "Board loads in under a second on a train", Column: "doing"},
	{Title: "Two people rename a story at once: tell both", Column: "doing"},
	{Title: "Dark theme follows the system", Column: "done"},
	{Title: "Print a board on one page", Column: "done"},
	{Title: "Session survives a laptop lid", Column: "done"},
}
