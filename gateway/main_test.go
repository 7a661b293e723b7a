package gateway_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"nudge/internal/apitest"
	"nudge/version/redis"
)

// runCrowd is what a process of this test does as a crowd of pages. There is one on Unix only.
var runCrowd func(order string) error

func TestMain(m *testing.M) {
	redis.Quiet()
	if order := os.Getenv("NUDGE_CROWD_OF"); order != "" && runCrowd != nil {
		if err := runCrowd(order); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if code == 0 && apitest.Whole() {
			for _, pointer := range apitest.Unseen() {
				fmt.Fprintln(os.Stderr, "no test sees what the document promises:", pointer)
				code = 1
			}
		}
		os.Exit(code)
	}))
}
