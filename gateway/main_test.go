package gateway_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"nudge/version/redis"
)

func TestMain(m *testing.M) {
	redis.Quiet()
	if order := os.Getenv("NUDGE_CROWD_OF"); order != "" {
		if err := runCrowd(order); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
