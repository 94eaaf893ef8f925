package main

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/touchfold/touchfold/"

// allowed says which packages of this module a package may import; "+" stands for the packages of the features. Who adds
// a package adds a line, and with it decides where the package stands.
var allowed = map[string][]string{
	"events":               {},
	"events/spell":         {},
	"rulebooks":            {},
	"config":               {"events", "events/spell", "rulebooks"},
	"config/rulefile":      {"config", "events", "events/spell", "state/rules", "state/rules/field"},
	"state/wire":           {},
	"state/tzdata":         {},
	"state":                {"events", "state/tzdata", "state/wire"},
	"state/rulebook":       {"events"},
	"state/features":       {"config", "config/rulefile", "events", "state", "state/rulebook", "+"},
	"state/store":          {"events", "state", "state/wire"},
	"state/whatif":         {"events", "state"},
	"state/snapshot":       {"config", "events", "state/store"},
	"processor/kafka":      {"events"},
	"processor/localkafka": {},
	"processor":            {"events", "state", "state/features", "state/rulebook", "state/snapshot", "state/store", "processor/kafka"},
	"processor/bench/load": {"events"},
	// It measures the whole, as its own process and as others.
	"processor/bench": {"config", "events", "processor", "processor/bench/load", "processor/kafka", "processor/localkafka", "state/features"},
	"api":             {},
}

// sole names the only packages that may import what others must not know.
var sole = map[string][]string{
	"cel.dev/":                      {"state/rules/expr", "state/rules/oracle"},
	"github.com/segmentio/kafka-go": {"processor/kafka"},
	"github.com/twmb/franz-go":      {"processor/localkafka"},
	"github.com/dgraph-io/badger":   {"state/store"},
	"github.com/alecthomas/kong":    {"cmd/touchfold"},
	"github.com/minio/":             {"state/snapshot"},
	"github.com/google/pprof":       {"processor/bench"},
	"github.com/prometheus/":        {"api", "cmd/touchfold", "processor", "processor/rehearsal", "state/snapshot", "state/store"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) (all []listed) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// feature reports whether a package is one of the features' folders.
func feature(pkg string) bool {
	rest, ok := strings.CutPrefix(pkg, "state/")
	return ok && !slices.Contains([]string{"wire", "features", "rulebook", "snapshot", "store", "story", "tzdata", "whatif"}, rest) && !serves(pkg)
}

// serves reports whether a package is there for tests alone.
func serves(pkg string) bool {
	return slices.Contains([]string{"events/hostile", "rulebooks/thresholds", "state/story", "state/rules/oracle",
		"state/rules/ruletest"}, pkg)
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		pkg := strings.TrimPrefix(p.ImportPath, module)
		for _, imp := range p.Imports {
			if own, ok := strings.CutPrefix(imp, module); ok {
				checkOwn(t, pkg, own)
				continue
			}
			for prefix, may := range sole {
				if strings.HasPrefix(imp, prefix) && !slices.Contains(may, pkg) {
					t.Errorf("%s imports %s; only %v may", pkg, imp, may)
				}
			}
		}
		if slices.Contains([]string{"state", "state/wire", "state/whatif"}, pkg) || feature(pkg) {
			checkPure(t, pkg, p.Imports)
		}
		if pkg == "events" {
			for _, imp := range p.Imports {
				if strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
					t.Errorf("events imports %s; it may use the standard library only", imp)
				}
			}
		}
	}
}

func checkOwn(t *testing.T, pkg, imp string) {
	t.Helper()
	may, known := allowed[pkg]
	switch {
	case strings.HasPrefix(pkg, "cmd/"), strings.HasPrefix(pkg, "processor/rehearsal"), serves(pkg):
		return // wiring, and what serves tests and rehearsals, may know all
	case feature(pkg):
		may = []string{"events", "events/spell", "state", "state/wire", "+"}
	case !known:
		t.Errorf("%s is not in the table of this test; add a line that says what it may import", pkg)
		return
	}
	if !slices.Contains(may, imp) && !(slices.Contains(may, "+") && feature(imp)) {
		t.Errorf("%s imports %s; it may import %v", pkg, imp, may)
	}
}

// checkPure keeps clocks, files and the network out of what must depend on events alone.
func checkPure(t *testing.T, pkg string, imports []string) {
	t.Helper()
	pure := []string{"bytes", "cmp", "crypto/sha256", "encoding/binary", "encoding/hex", "encoding/json", "errors", "fmt", "maps", "math", "math/big", "math/bits",
		"regexp", "slices", "sort", "strconv", "strings", "sync", "sync/atomic", "unicode", "unicode/utf8", "unsafe", "github.com/klauspost/compress/s2"}
	for _, imp := range imports {
		if imp == "time" && (pkg == "state" || pkg == "state/rules") {
			continue // the calendar, and dates that are read; TestNoClock looks at what is called
		}
		if pkg == "state/rules/expr" && (strings.HasPrefix(imp, "cel.dev/cel-go/") || imp == "reflect" || imp == "regexp/syntax") {
			continue // the language of predicates: of CEL only functions without clock and I/O are let in; see expr/check.go
		}
		if !strings.HasPrefix(imp, module) && !slices.Contains(pure, imp) {
			t.Errorf("%s imports %s, with which it could read a clock or do I/O", pkg, imp)
		}
	}
}

func TestNoClock(t *testing.T) {
	out, err := exec.Command("grep", "-rnE", `time\.(Now|Since|Until|After|Tick|NewTimer|NewTicker|Sleep)\b`,
		"--include=*.go", "--exclude=*_test.go", "--exclude-dir=store", "--exclude-dir=snapshot", "../../state", "../../events").CombinedOutput()
	if err == nil {
		t.Errorf("belief must not read a clock:\n%s", out)
	}
}
