//go:build unix

package main

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"nudge/web/enginetest"
)

// make screenshots: the moving picture of the README. Redis is stopped and started in the demo; both boards go on.
func TestMovingPicture(t *testing.T) {
	dir := os.Getenv("NUDGE_TEST_SCREENSHOTS")
	if dir == "" {
		t.Skip("NUDGE_TEST_SCREENSHOTS names no folder: make screenshots")
	}
	p := open(t, enginetest.Chromium(t, enginetest.Options{}), startDemo(t).url)
	screen := enginetest.Screen{Width: 860, Height: 700, Calm: true}
	p.Show(screen)
	p.snapshot(healthy)
	screen.Height = eval[int](p, `Math.ceil(document.querySelector('.break').getBoundingClientRect().bottom + 14)`)
	p.Show(screen)
	p.Until(`Number(document.querySelector('#polling [data-testid=requests]').textContent) >= 10`)

	const pause = 500 * time.Millisecond
	var frames []image.Image
	film := func(length time.Duration) {
		// A film is of real time: each frame is due half a second after the last one.
		for range length / pause {
			due := time.NewTimer(pause)
			frame, err := png.Decode(bytes.NewReader(p.Picture()))
			if err != nil {
				t.Fatal(err)
			}
			frames = append(frames, frame)
			<-due.C
		}
	}
	film(6 * time.Second)
	p.press("switch-redis")
	film(9 * time.Second)
	p.press("switch-redis")
	film(9 * time.Second)

	var out bytes.Buffer
	if err := gif.EncodeAll(&out, animate(frames, int(pause/(10*time.Millisecond)))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "demo.gif"), out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// animate makes a picture of frames of one size that repeats for ever. Each frame has only what differs from the one before,
// in the 255 colours that all frames together have most of. delay is in hundredths of a second.
func animate(frames []image.Image, delay int) *gif.GIF {
	colours := palette(frames)
	nearest := map[color.RGBA]uint8{}
	index := func(c color.RGBA) uint8 {
		i, known := nearest[c]
		if !known {
			i = uint8(colours.Index(c))
			nearest[c] = i
		}
		return i
	}
	whole := frames[0].Bounds()
	g := &gif.GIF{Config: image.Config{ColorModel: colours, Width: whole.Dx(), Height: whole.Dy()}}
	before := image.NewPaletted(whole, colours)
	for n, frame := range frames {
		now := image.NewPaletted(whole, colours)
		changed := image.Rectangle{}
		for y := whole.Min.Y; y < whole.Max.Y; y++ {
			for x := whole.Min.X; x < whole.Max.X; x++ {
				i := index(rgba(frame, x, y))
				now.SetColorIndex(x, y, i)
				if n == 0 || i != before.ColorIndexAt(x, y) {
					changed = changed.Union(image.Rect(x, y, x+1, y+1))
				}
			}
		}
		if changed.Empty() {
			g.Delay[len(g.Delay)-1] += delay
			continue
		}
		g.Image = append(g.Image, now.SubImage(changed).(*image.Paletted))
		g.Delay = append(g.Delay, delay)
		g.Disposal = append(g.Disposal, gif.DisposalNone)
		before = now
	}
	return g
}

// palette is the colours that frames have most of.
func palette(frames []image.Image) color.Palette {
	count := map[color.RGBA]int{}
	for _, frame := range frames {
		for y := frame.Bounds().Min.Y; y < frame.Bounds().Max.Y; y++ {
			for x := frame.Bounds().Min.X; x < frame.Bounds().Max.X; x++ {
				count[rgba(frame, x, y)]++
			}
		}
	}
	most := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int { return cmp.Compare(count[b], count[a]) })
	var colours color.Palette
	for _, c := range most[:min(255, len(most))] {
		colours = append(colours, c)
	}
	return colours
}

// rgba is the colour of a pixel with five bits each: shades of a letter's edge that nobody can tell apart are one.
func rgba(frame image.Image, x, y int) color.RGBA {
	r, g, b, _ := frame.At(x, y).RGBA()
	five := func(v uint32) uint8 { return uint8((v >> 11) * 255 / 31) }
	return color.RGBA{R: five(r), G: five(g), B: five(b), A: 255}
}
