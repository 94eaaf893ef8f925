//go:build race

package rehearsal_test

// fewer is how many customers a large test has: under the race detector everything takes ten times as long.
func fewer(customers int) int { return customers / 3 }
