package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestSnapshot goes once around: a store of a stopped process, its snapshots, and stores made from these.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stores, place, restored := filepath.Join(dir, "store"), filepath.Join(dir, "place"), filepath.Join(dir, "restored")
	r := rehearse(t, dir,
		`{"type":"track","messageId":"m1","userId":"u1","event":"Order Completed","timestamp":"2026-01-05T10:00:00Z","properties":{"order_id":"o1","total":12.5}}`,
		`{"type":"track","messageId":"m2","userId":"u2","event":"Order Completed","timestamp":"2026-01-06T10:00:00Z","properties":{"order_id":"o2","total":8}}`)
	must := func(args ...string) string {
		t.Helper()
		code, out, said := touchfold(t, append([]string{"snapshot"}, args...)...)
		if code != 0 || said != "" {
			t.Fatalf("snapshot %s: %s", strings.Join(args, " "), said)
		}
		return out
	}
	refused := func(want string, args ...string) {
		t.Helper()
		code, out, said := touchfold(t, append([]string{"snapshot"}, args...)...)
		if code != exitFailure || out != "" {
			t.Errorf("snapshot %s: code %d, %s", strings.Join(args, " "), code, out)
		}
		contains(t, said, want)
	}
	refused("no place of snapshots is named", "list")
	refused("there is no folder "+place, "list", "--place", place)
	if err := os.Mkdir(place, 0o750); err != nil {
		t.Fatal(err)
	}
	refused("there is no snapshot of app shop and topic customer-events in "+place, "list", "--place", place)
	refused("another process is using it", "take", "--place", place, "--dir", stores)
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}

	first := must("take", "--place", place, "--dir", stores, "--shard", "0")
	if again := must("take", "--place", place, "--dir", stores); !strings.HasPrefix(again, first) || strings.Count(again, "\n") != 8 {
		t.Errorf("first %sthen %s", first, again)
	}
	list := must("list", "--place", place)
	contains(t, list, "SHARD  POSITION  OUTPUT  PUT", "shop/customer-events/shard-007/0000000000")
	if strings.Count(list, "\n") != 9 {
		t.Error(list)
	}
	refused("there is no snapshot of shard 77 of app shop and topic customer-events in "+place, "list", "--place", place, "--shard", "7", "--shard", "77")
	refused("there is no store of shard 77 in "+stores, "take", "--place", place, "--dir", stores, "--shard", "7", "--shard", "77")
	verified := must("verify", "--place", place, "--shard", "3", "--shard", "4")
	if !regexp.MustCompile(`(?m)^shop/customer-events/shard-003/\S+: whole, \d+ rows, made 20\S+Z, SHA-256 [0-9a-f]{64}$`).MatchString(verified) ||
		strings.Count(verified, "\n") != 2 {
		t.Error(verified)
	}

	contains(t, must("restore", "--place", place, "--dir", restored), "shard 7: "+restored+"/shard-007 is restored at position ")
	code, out, said := touchfold(t, "inspect", "u1", "--dir", restored)
	if code != 0 {
		t.Fatal(said)
	}
	contains(t, out, "segment/potential  true", "timeline, 1 of 1 events", "12.50 HKD")
	refused("a store is there already; --replace sets it aside", "restore", "--place", place, "--dir", restored)
	out = must("restore", "--place", place, "--dir", restored, "--replace", "--shard", "2")
	contains(t, out, "shard 2: what was there is in "+restored+"/shard-002.aside-20")
	must("take", "--place", place, "--dir", restored) // knows what is no store

	refused("give the process the configuration that it was made with", "restore", "--place", place, "--dir", filepath.Join(dir, "x"),
		"--set", "topics.touchpoints=other")
	name := regexp.MustCompile(`\S+shard-002/(\S+)`).FindStringSubmatch(list)
	refused("there is no snapshot nonsense", "verify", "--place", place, "nonsense")
	must("verify", "--place", place, name[0])
	damage(t, filepath.Join(place, name[0]))
	refused("1 of 1 snapshots are not whole", "verify", "--place", place, name[1], "--shard", "2")
	code, out, said = touchfold(t, "snapshot", "verify", "--place", place, "--all")
	if code != exitFailure || strings.Count(out, ": whole") != 7 {
		t.Error(out)
	}
	contains(t, said, "verify shop/customer-events/shard-002/", "a checksum does not fit", "1 of 8")
	refused("a checksum does not fit", "restore", "--place", place, "--dir", filepath.Join(dir, "y"), name[0])
	if _, err := os.Stat(filepath.Join(dir, "y", "shard-002")); err == nil {
		t.Error("a damaged snapshot became a store")
	}
}

// TestBytesTold: a bar that moves on a terminal, lines elsewhere.
func TestBytesTold(t *testing.T) {
	t.Parallel()
	for bar, want := range map[bool]string{
		true:  "\r\x1b[K[===============               ]  50 %  shard 3, 1.0 MB of 2.0 MB\r\x1b[K",
		false: " 50 %  shard 3, 1.0 MB of 2.0 MB\n",
	} {
		var out bytes.Buffer
		b := tellBytes(&out, "shard 3", 2e6)
		b.bar = bar
		b.read(1e5) // too soon to be told
		b.after = time.Time{}
		b.read(1e6)
		b.clear()
		if out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
}

func damage(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
