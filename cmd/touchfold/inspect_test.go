package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/processor/rehearsal"
)

// rehearse runs the program over lines in a folder and leaves it running.
func rehearse(t *testing.T, dir string, lines ...string) *rehearsal.Rehearsal {
	t.Helper()
	r, err := rehearsal.Start(t.Context(), rehearsal.Config{Config: config.Default(), Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	for _, line := range lines {
		stamp, err := r.Feed(t.Context(), []byte(line))
		if err == nil {
			err = r.Settle(t.Context(), stamp)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// touchfold runs a command line in this process.
func touchfold(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = execute(t.Context(), args, output{&out, &err})
	return code, out.String(), err.String()
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in\n%s", p, text)
		}
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := filepath.Join(dir, "store")
	r := rehearse(t, dir,
		`{"type":"track","messageId":"m1","userId":"u1","event":"Order Completed","timestamp":"2026-01-05T10:00:00Z","properties":{"order_id":"o1","total":12.5}}`,
		`{"type":"track","messageId":"m2","anonymousId":"a1","event":"Product Viewed","timestamp":"2026-01-06T10:00:00Z"}`)

	code, _, said := touchfold(t, "inspect", "u1", "--dir", store)
	if code != exitFailure {
		t.Errorf("a store that is in use was opened")
	}
	contains(t, said, "another process is using it")
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}

	code, out, said := touchfold(t, "inspect", "u1", "--dir", store)
	if code != 0 {
		t.Fatal(said)
	}
	contains(t, out, "2026-01-06T10:00:00Z", "next horizon  2026-07-07T16:00:00Z", "segment/potential  true", "n = 1", `"gross": "12.50"`,
		"timeline, 1 of 1 events", "Order Completed", "m1", "o1", "12.50 HKD")

	code, out, said = touchfold(t, "inspect", "anon:a1", "--dir", store, "--json")
	if code != 0 {
		t.Fatal(said)
	}
	var v customerView
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatal(err)
	}
	if v.Customer != "anon:a1" || v.Facts["lifecycle"] != "prospect" || v.Horizon != "never" || len(v.Timeline) != 1 ||
		v.Timeline[0].ID != "m2" || len(v.Said) != 1 || v.Said[0].N != 1 {
		t.Errorf("inspect --json shows %+v", v)
	}

	code, out, said = touchfold(t, "inspect", "nobody", "--dir", store)
	if code != exitFailure || out != "" {
		t.Errorf("an unknown customer: code %d, output %q", code, out)
	}
	contains(t, said, `no customer "nobody" is known in `+store)
	code, _, said = touchfold(t, "inspect", "u1", "--dir", filepath.Join(dir, "elsewhere"))
	if code != exitFailure {
		t.Error("a store that is not there was opened")
	}
	contains(t, said, "there is none in", "is this the store.dir that run uses?")
}

// TestInspectUnreachable: only a store that is not there is said not to be there.
func TestInspectUnreachable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, loop := filepath.Join(dir, "file"), filepath.Join(dir, "loop")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Symlink(loop, loop)); err != nil {
		t.Fatal(err)
	}
	_, _, said := touchfold(t, "inspect", "u1", "--dir", file)
	contains(t, said, "there is none in", "is this the store.dir that run uses?")
	code, _, said := touchfold(t, "inspect", "u1", "--dir", loop) // root may enter what others may not, but no loop
	if code != exitFailure || strings.Contains(said, "there is none") {
		t.Errorf("exit code %d: %s", code, said)
	}
	contains(t, said, loop)
}

func TestInspectLongTimeline(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, err := rehearsal.Start(t.Context(), rehearsal.Config{Config: config.Default(), Dir: dir, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range 60 {
		line, err := json.Marshal(map[string]any{"type": "page", "messageId": i, "userId": "u", "timestamp": "2026-01-05T10:00:00Z"})
		if err == nil {
			_, err = r.Feed(t.Context(), line)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Settle(t.Context(), r.Now()); err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	_, out, _ := touchfold(t, "inspect", "u", "--dir", filepath.Join(dir, "store"))
	contains(t, out, "timeline, 50 of 60 events")
	_, out, _ = touchfold(t, "inspect", "u", "--all", "--dir", filepath.Join(dir, "store"))
	contains(t, out, "timeline, 60 of 60 events")
}

func TestParked(t *testing.T) {
	t.Parallel()
	secret := `{"type":"track","event":"Order Completed","properties":{"total":12.5}`
	r := rehearse(t, "", secret, "\x1b[2J\xff")

	code, out, said := touchfold(t, "parked", "list", "--brokers", r.Broker())
	if code != 0 {
		t.Fatal(said)
	}
	contains(t, out, "REASON", "0:0 ", "0:1 ", "touchpoints/0/0", "touchpoints/0/1", "not JSON: wrong from byte", "invalid UTF-8")
	if strings.Contains(out, "12.5") {
		t.Errorf("the list shows what was sent:\n%s", out)
	}

	code, out, said = touchfold(t, "parked", "show", "0:1", "0:0", "--brokers", r.Broker())
	if code != 0 {
		t.Fatal(said)
	}
	contains(t, out, "reason: not JSON", "\n\n"+secret+"\n", "reason: invalid UTF-8", "\x1b[2J\xff")

	for args, want := range map[string]string{
		"show 0:7":                        "touchpoints.parked holds nothing at 0:7",
		"show 3:0":                        "touchpoints.parked holds nothing at 3:0",
		"show 7":                          `"7" is not PARTITION:OFFSET, such as 0:17`,
		"list --set topics.parked=others": "there is no topic others yet",
	} {
		code, _, said := touchfold(t, append(strings.Fields("parked "+args), "--brokers", r.Broker())...)
		if code == 0 {
			t.Errorf("parked %s: no fault", args)
		}
		contains(t, said, want)
	}
}

func TestParkedNothing(t *testing.T) {
	t.Parallel()
	r := rehearse(t, "", `{"type":"page","messageId":"1","userId":"u","timestamp":"2026-01-05T10:00:00Z"}`)
	_, out, _ := touchfold(t, "parked", "list", "--brokers", r.Broker())
	contains(t, out, "nothing is parked in touchpoints.parked")
}
