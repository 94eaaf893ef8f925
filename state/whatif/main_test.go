package whatif_test

import (
	"flag"
	"os"
	"testing"
)

// No files of failures in the tree, for a seed says as much.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		panic(err)
	}
	flag.Parse()
	os.Exit(m.Run())
}
