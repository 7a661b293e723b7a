package gateway_test

import (
	"testing"

	"go.uber.org/goleak"

	"nudge/version"
)

func TestMain(m *testing.M) {
	version.Quiet()
	goleak.VerifyTestMain(m)
}
