// Package enginetest drives real browsers for tests: a headless Chromium over its DevTools, a headless Firefox over WebDriver
// BiDi. Each test has a profile of its own, in a browser that is started for it; but see Share. Without the
// program the test is skipped, or fails if NUDGE_TEST_REQUIRE is set. It is for systems with process groups.
package enginetest
