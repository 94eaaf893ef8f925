//go:build !race

package rules_test

const slowly = 1
