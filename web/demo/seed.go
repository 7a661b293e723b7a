package demo

// The board's past: a small team a week before it ships something. Its version shows that a project's number need not start
// at 0. The titles are short, so that two boards fit on a phone.
const (
	boardName   = "Lighthouse"
	seedVersion = 123
)

var seed = []story{
	{Title: "Import from a spreadsheet", Column: "backlog"},
	{Title: "Guests may comment", Column: "backlog"},
	{Title: "Weekly digest", Column: "backlog"},
	{Title: "Search old titles", Column: "doing"},
	{Title: "Undo a move", Column: "doing"},
	{Title: "Dark theme", Column: "done"},
	{Title: "Print a board", Column: "done"},
}
