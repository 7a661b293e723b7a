package quantity_test

import (
	"testing"

	"nudge/internal/quantity"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0 polls", 1: "1 poll", 2: "2 polls", 999: "999 polls", 1000: "1,000 polls", 1234567: "1,234,567 polls", -1: "-1 polls", -123: "-123 polls", -1234: "-1,234 polls",
	} {
		if got := quantity.Of(n, "poll"); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	if got := quantity.Number(1234567.6); got != "1,234,568" {
		t.Error(got)
	}
}
