package gateway_test

import (
	"testing"

	"go.uber.org/goleak"

	"nudge/version/redis"
)

func TestMain(m *testing.M) {
	redis.Quiet()
	goleak.VerifyTestMain(m)
}
