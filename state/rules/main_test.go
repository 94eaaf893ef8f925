package rules_test

import (
	"flag"
	"os"
	"strconv"
	"testing"
)

// More cases than the 100 of rapid, for these are cheap; and no files of failures in the tree, for a seed says as much.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": strconv.Itoa(250 / slowly), "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	flag.Parse() // what the command line says comes after and counts
	os.Exit(m.Run())
}
