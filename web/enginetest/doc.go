// Package enginetest drives real browsers for tests: a headless Chromium over its DevTools, a headless Firefox over WebDriver
// BiDi. Each is started for a test with a profile of its own, and ends with it. Without the program the test is skipped, or
// fails if NUDGE_TEST_REQUIRE is set. It is for systems with process groups.
package enginetest
