//go:build race

package rehearsal_test

// fewer is how many customers a large test has, and many how many shards: under the race detector everything takes ten
// times as long, and a store most of all.
func fewer(customers int) int { return customers / 3 }

const many = 3
