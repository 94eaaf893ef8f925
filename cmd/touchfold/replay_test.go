package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/touchfold/touchfold/processor"
)

// TestReplayInterrupted: an interrupted replay leaves the files of the one before, and none of its own.
func TestReplayInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	for _, name := range []string{in, out} {
		if err := os.WriteFile(name, []byte("{}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var said bytes.Buffer
	code := execute(ctx, []string{"replay", in, "--customers-out", out, "--derived-out", filepath.Join(dir, "new")}, output{&said, &said})
	if want := "touchfold: interrupted; nothing was written\n"; code != exitFailure || said.String() != want {
		t.Errorf("exit code %d: %s", code, said.String())
	}
	if text, err := os.ReadFile(out); err != nil || string(text) != "{}\n" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
		t.Errorf("in the folder are %v, %v", files, err)
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	part, known := 0.5, true
	p := newProgress(&b, 2, func() (float64, bool) { return part, known })
	p.every, p.after = 0, p.after.Add(-1<<40)
	for range 1024 {
		p.feed()
	}
	known = false
	for range 1024 {
		p.feed()
	}
	p.watch(processor.Progress{Shard: 0, Position: 512, Clock: 1_767_600_000_000})
	p.watch(processor.Progress{Shard: 1, Position: 1536, Clock: 1})
	want := " 50 %  1024 touchpoints read\n2048 touchpoints read\n 25 %  512 touchpoints folded, 2026-01-05\n100 %  2048 touchpoints folded, 2026-01-05\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
