package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/processor/localkafka"
)

// TestShard is a shard's way through the commands: it runs, is stopped, loses its topics and goes on without them.
func TestShard(t *testing.T) {
	t.Parallel()
	broker, err := localkafka.Start(localkafka.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { broker.Close() }()
	addr, dir, place := broker.Addr(), t.TempDir(), t.TempDir()
	set := []string{"--set", "topics.partitions=1", "--set", "snapshots.place=" + place}
	order := func(id string, total int) {
		t.Helper()
		cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		value := fmt.Sprintf(`{"type":"track","messageId":"%s","userId":"jane","event":"Order Completed","properties":{"order_id":"%[1]s","total":%d,"currency":"HKD"}}`, id, total)
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "touchpoints", Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	shard := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		code, stdout, stderr := touchfold(t, append(append([]string{"shard"}, args...), append(set, "--brokers", addr, "--dir", dir)...)...)
		if code != want {
			t.Fatalf("shard %v: code %d\n%s%s", args, code, stdout, stderr)
		}
		return stdout, stderr
	}
	_, stderr := shard(exitFailure, "inspect")
	contains(t, stderr, "there is no topic touchpoints: touchfold run makes it")

	p := startProcess(t, addr, dir, set...)
	order("o-1", 120_000)
	derivedOf(t, addr, "jane", 3)
	untilMark(t, addr, "touchfold.shard.alive.v1")
	stdout, _ := shard(0, "inspect")
	contains(t, stdout, "another process is using it", "released   no", "assigned to ", filepath.Join(dir, "shard-000")+" open: stop it first")
	_, stderr = shard(exitFailure, "reset", "0", "--accept-loss")
	contains(t, stderr, "shard 0 cannot be reset now: a process has the store")
	_, stderr = shard(exitFailure, "restore", "0")
	contains(t, stderr, "shard 0 is not restored: a process has the store")
	p.stop(syscall.SIGTERM)
	if code, _, stderr := touchfold(t, "snapshot", "take", "--dir", dir, "--place", place); code != 0 { // of a store that had no checkpoint before
		t.Fatal(stderr)
	}

	stdout, _ = shard(0, "inspect", "0")
	contains(t, stdout, "shard      0\n", "speaks     yes", "released   yes", "owner      none lives", "take-over  would go on", "rulebook   ", ", 0 not read yet")
	stdout, _ = shard(0, "inspect", "0", "--json")
	var v shardView
	if err := json.Unmarshal([]byte(stdout), &v); err != nil || v.Store == nil || !v.Store.Speaking || v.Store.Input != v.Input.End || v.Input.Lag != 0 ||
		v.Owner == nil || !v.Owner.Released || v.Snapshot == nil || v.Stops != "" || !v.GoesOn || v.Living != "" {
		t.Errorf("%v: %s", err, stdout)
	}
	_, stderr = shard(exitFailure, "inspect", "1")
	contains(t, stderr, "there is no shard 1: there are 1, from 0")
	stdout, _ = shard(0, "restore", "0")
	contains(t, stdout, "is restored at position ", "what was there is in "+filepath.Join(dir, "shard-000.aside-"))

	broker.Close() // and all that it knew
	if broker, err = localkafka.Start(localkafka.Config{Listen: addr}); err != nil {
		t.Fatal(err)
	}
	run := append([]string{"run", "--brokers", addr, "--dir", dir, "--listen", "127.0.0.1:0"}, set...)
	code, _, stderr := touchfold(t, run...)
	if code != exitFailure {
		t.Fatalf("it runs: %s", stderr)
	}
	contains(t, stderr, "the topic was made anew or has lost records", "touchfold shard restore 0", "touchfold shard reset 0")
	_, stderr = shard(exitFailure, "restore", "0")
	contains(t, stderr, "no snapshot fits; touchfold shard reset 0 says what it costs", "the topic was made anew")
	stdout, stderr = shard(exitFailure, "reset", "0")
	if strings.Contains(stdout, "touchfold shard") {
		t.Errorf("a reset names itself as the way out: %s", stdout)
	}
	contains(t, stdout, "There is no touchpoint left in partition 0 of touchpoints", "is set aside, not removed", "set aside under another name")
	contains(t, stderr, "nothing was done; --accept-loss does it")
	stdout, _ = shard(0, "inspect")
	contains(t, stdout, "opened     never, as far as the output tells", "take-over  the checkpoint has read up to offset")
	stdout, _ = shard(0, "reset", "0", "--accept-loss")
	contains(t, stdout, "shard 0 is reset: 0 statements stand in the output", "the former store is in ", ".snap.aside now", "the new store has the snapshot shop/customer-events/shard-000/")

	p = startProcess(t, addr, dir, set...)
	order("o-2", 3000)
	if got := derivedOf(t, addr, "jane", 2); fmt.Sprint(got) != "[lifecycle customer 1 segment/potential true 1]" {
		t.Errorf("after the reset %v", got)
	}
	p.stop(syscall.SIGTERM)
}
