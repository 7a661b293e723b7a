// Package audit reads the access logs of an application, finds the pages that poll, and says what Nudge would save.
//
// Lines become requests (format.go), requests of one client to one path become a series (series.go), a series with a steady
// rhythm is a page that polls (rhythm.go), and all pages that poll one path become a finding (report.go). The real controller
// then plays pages of that number and pace (outlook.go).
package audit
