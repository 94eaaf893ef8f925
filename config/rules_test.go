package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRules: what stands in the file, however its lines end, or a sentence that says why not.
func TestRules(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := write("r.yaml", "\ufeffversion: 1\r\nsegments: []\r\n")
	c, err := Load("", nil, []string{"rulebook=" + path})
	if err != nil || c.Rules != "version: 1\nsegments: []\n" || c.RulesName() != path || c.Settings()["rules"] != c.Rules {
		t.Errorf("%v %+v", err, c)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"):                      "there is no file",
		write("empty", " \n"):                           "is empty; write rulebook: none for no rules",
		write("bytes", "\xff\xfe"):                      "is not text in UTF-8",
		write("large", strings.Repeat("# x\n", 50_000)): "has more than 196608 bytes",
		dir: "is not a file",
	} {
		if _, err := Load("", nil, []string{"rulebook=" + path}); err == nil || !strings.HasPrefix(err.Error(), "--set rulebook: rulebook: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}
