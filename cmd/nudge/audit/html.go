package audit

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
	"time"

	"nudge/internal/quantity"
)

//go:embed report.html
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"count": quantity.Number[int64], "many": quantity.Of[int64], "short": short, "seconds": seconds,
	"percent": func(f float64) string { return fmt.Sprintf("%.0f %%", 100*f) },
	"mb":      func(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e6) },
	"empty":   Finding.empty,
	"time":    func(t time.Time) string { return t.Format("2 Jan 2006 15:04:05") },
}).Parse(page))

// HTML writes the report as one page that needs no other file, and no network.
func (r *Report) HTML(w io.Writer) error {
	return pageTemplate.Execute(w, struct {
		*Report
		Chart *chart
	}{r, r.chart()})
}

// chart is the polls per second over the time of the logs, now and with Nudge. Its coordinates are those of an SVG of
// 800 × 240, whose lower edge is 0.
type chart struct {
	Now, With template.HTMLAttr // points
	Lines     []line            // of the scale
	Times     []label
}

type line struct {
	Y    float64
	Text string
}

type label struct {
	X    float64
	Text string
}

const chartWidth, chartHeight = 800.0, 240.0

// chart adds up the requests of all polled paths. With Nudge a path is asked for as often as the simulation says, in proportion.
func (r *Report) chart() *chart {
	if r.Outlook == nil {
		return nil
	}
	begin, end, width := int64(math.MaxInt64), int64(0), int64(1)
	for _, f := range r.Polled {
		begin = min(begin, f.Over.Begin)
		end = max(end, f.Over.Begin+f.Over.Width*int64(len(f.Over.Counts)))
		width = max(width, f.Over.Width)
	}
	if r.Polled[0].Over.Width == width && end-begin < 2*width {
		return nil // too short for a line
	}
	rates := make([]float64, (end-begin)/width+1)
	for _, f := range r.Polled {
		for i, n := range f.Over.Counts {
			rates[(f.Over.Begin+int64(i)*f.Over.Width-begin)/width] += float64(n) / float64(width)
		}
	}
	rates = rates[:max(2, (end-begin)/width)]
	top := niceAbove(maxOf(rates))
	c := &chart{}
	var now, with strings.Builder
	share := 1 - r.Outlook.Saved
	for i, rate := range rates {
		x := chartWidth * float64(i) / float64(len(rates)-1)
		fmt.Fprintf(&now, "%.1f,%.1f ", x, chartHeight*(1-rate/top))
		fmt.Fprintf(&with, "%.1f,%.1f ", x, chartHeight*(1-rate*share/top))
	}
	c.Now = template.HTMLAttr(`points="` + now.String() + `"`)
	c.With = template.HTMLAttr(`points="` + with.String() + `"`)
	for _, part := range []float64{0, 0.5, 1} {
		c.Lines = append(c.Lines, line{chartHeight * (1 - part), short(part * top)})
	}
	layout := "15:04"
	if end-begin > 2*24*3600 {
		layout = "2 Jan"
	}
	for i := range 5 {
		part := float64(i) / 4
		c.Times = append(c.Times, label{chartWidth * part, time.Unix(begin+int64(part*float64(end-begin)), 0).UTC().Format(layout)})
	}
	return c
}

func maxOf(all []float64) float64 {
	most := 0.0
	for _, f := range all {
		most = math.Max(most, f)
	}
	return most
}

// niceAbove is 1, 2 or 5 times a power of ten, not below f.
func niceAbove(f float64) float64 {
	if f <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(f)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= f {
			return m * power
		}
	}
	return 10 * power
}
