// Package soak is the crash harness: real binaries on a real broker, which are killed, frozen, cut off and starved while
// touchpoints are written, and an independent reader that then holds the output against a second, naive fold. It is all
// tests. Its one rule: what judges shares nothing with what is judged: from the module it uses only the naive fold of
// rehearsal/oracle and, as food, the hostile records of events/hostile.
//
// TestSoak runs when TOUCHFOLD_SOAK says for how long faults are to run; see options for the other variables:
//
//	TOUCHFOLD_SOAK=4m TOUCHFOLD_SOAK_INSTANCES=3 go test -v -count=1 -timeout 30m -run Soak ./processor/soak
package soak
