//go:build race

package rules_test

// slowly: under the race detector everything takes ten times as long, so there are fewer cases.
const slowly = 10
