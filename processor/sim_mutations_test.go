package processor

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var simMutations = flag.Int("sim.mutations", 0, "seeds on which each mutation of testdata/mutations.txt is tried; 0: none is")

// simMutation is a rule broken: in some files a text is replaced.
type simMutation struct {
	name  string
	edits []simEdit
}

type simEdit struct{ file, old, new string }

// TestMutations breaks each rule of the protocol alone and wants the simulation to be red. The code itself stays as it is:
// the changed files are laid over it by the go command.
func TestMutations(t *testing.T) {
	mutations := readMutations(t)
	if len(mutations) == 0 {
		t.Fatal("there are no mutations")
	}
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			overlay := m.overlay(t)
			if *simMutations == 0 {
				return // the texts are still there
			}
			failed := runMutant(t, overlay)
			t.Logf("%5d of %d seeds fail", failed, *simMutations)
			if failed == 0 {
				t.Error("the simulation does not see it")
			}
		})
	}
}

func readMutations(t *testing.T) (all []simMutation) {
	b, err := os.ReadFile(filepath.Join("testdata", "mutations.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range strings.Split("\n"+string(b), "\n-- ")[1:] {
		name, rest, _ := strings.Cut(text, "\n== ")
		m := simMutation{name: strings.TrimSpace(name)}
		for _, edit := range strings.Split(rest, "\n== ") {
			file, body, _ := strings.Cut(edit, "\n")
			old, new, ok := strings.Cut(body+"\n", "\n=>\n") // either without its last newline: part of a line will do
			if !ok {
				t.Fatalf("%s: %s has no =>", m.name, file)
			}
			m.edits = append(m.edits, simEdit{file, old, strings.TrimRight(new, "\n")})
		}
		all = append(all, m)
	}
	return all
}

// overlay writes the changed files and what the go command is to be told of them.
func (m *simMutation) overlay(t *testing.T) string {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir, changed := t.TempDir(), map[string]string{}
	for i, e := range m.edits {
		path := filepath.Join(root, e.file)
		from := path
		if changed[path] != "" {
			from = changed[path]
		}
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(b), e.old); n != 1 {
			t.Fatalf("in %s this stands %d times:\n%s", e.file, n, e.old)
		}
		changed[path] = filepath.Join(dir, strconv.Itoa(i)+".go")
		if err := os.WriteFile(changed[path], []byte(strings.Replace(string(b), e.old, e.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal(map[string]any{"Replace": changed})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}

var simVerdict = regexp.MustCompile(`(?m)\b(\d+) seeds, (\d+) failed.*$`)

// runMutant runs the simulation on the changed code and returns how many seeds fail.
func runMutant(t *testing.T, overlay string) int {
	n := strconv.Itoa(*simMutations)
	c := exec.Command("go", "test", "-overlay", overlay, "-run", "^TestSimulation$", "-v", "-timeout", "20m", ".",
		"-args", "-sim.seeds", n, "-sim.stop", n)
	b, _ := c.CombinedOutput()
	found := simVerdict.FindStringSubmatch(string(b))
	if found == nil {
		t.Fatalf("it came to no verdict:\n%s", b)
	}
	if i := strings.Index(string(b), "seed "); i >= 0 {
		line, _, _ := strings.Cut(string(b)[i:], "\n")
		t.Log(line)
	}
	failed, _ := strconv.Atoi(found[2])
	return failed
}
