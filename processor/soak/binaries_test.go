package soak

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// binaries are the program as it is, and once more with its failpoints enabled.
type binaries struct {
	plain, failing string
	points         []failpoint
}

// failpoint is a place in the sources where a process can be made to crash, wait or fail.
type failpoint struct {
	name  string
	fails bool // it can be made to return an error
}

// build builds both from the sources of the module; the copy with failpoints stays in dir.
func build(t *testing.T, dir string) binaries {
	t.Helper()
	b := binaries{plain: filepath.Join(dir, "touchfold"), failing: filepath.Join(dir, "touchfold-failing")}
	module, enabled := moduleDir(t), filepath.Join(dir, "sources")
	run(t, module, "go", "build", "-o", b.plain, "./cmd/touchfold")
	places := b.copySources(t, module, enabled)
	if len(places) > 0 {
		run(t, module, "go", append([]string{"tool", "gofail", "enable"}, places...)...)
	}
	run(t, enabled, "go", "build", "-o", b.failing, "./cmd/touchfold")
	return b
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

// pointAt finds failpoints: a comment that declares one, and perhaps the comment lines after it, which are its code.
var pointAt = regexp.MustCompile(`(?m)^[ \t]*// gofail: var (\w+) (\S+)\n([ \t]*// .*\n)?`)

// copySources copies what a build needs, notes the failpoints, and returns the folders in which there are any.
func (b *binaries) copySources(t *testing.T, from, to string) (places []string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		rel := strings.TrimPrefix(path, from)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(to+rel, 0o755)
		case strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if folder := filepath.Dir(to + rel); strings.HasSuffix(path, ".go") {
			for _, m := range pointAt.FindAllSubmatch(text, -1) {
				b.points = append(b.points, failpoint{string(m[1]), len(m[3]) > 0})
				if !slices.Contains(places, folder) {
					places = append(places, folder)
				}
			}
		}
		return os.WriteFile(to+rel, text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(b.points, func(x, y failpoint) int { return strings.Compare(x.name, y.name) })
	return places
}
