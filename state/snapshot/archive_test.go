package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/store"
)

func archive(t *testing.T, p Place, keep, days int) *Archive {
	t.Helper()
	a, err := New(Config{Place: p, App: "shop", Output: "out", Keep: keep, KeepDays: days, Log: zerolog.Nop(), Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// shard is a store in memory that holds nothing but its positions, which name so many bytes that do not compress.
func shard(t *testing.T, id events.ShardID, output events.Offset, bytes int) *store.Store {
	t.Helper()
	s, err := store.OpenOn(store.NewMemory(), store.Config{Shard: id, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	save(t, s, id, output, bytes)
	t.Cleanup(func() { s.Close() })
	return s
}

func save(t *testing.T, s *store.Store, id events.ShardID, output events.Offset, bytes int) {
	t.Helper()
	err := s.Checkpoint(store.Positions{Genesis: store.Genesis{Format: store.Format, App: "shop", Input: "in", Output: "out", Shard: id, Shards: 8},
		Input: output * 10, Output: output, Producer: 4001, Epoch: 7, Rulebook: randomBytes(bytes)})
	if err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, s *store.Store) *store.View {
	t.Helper()
	v, err := s.View()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func put(t *testing.T, a *Archive, s *store.Store) Meta {
	t.Helper()
	m, err := a.Put(t.Context(), view(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestArchive(t *testing.T) {
	t.Parallel()
	for kind, p := range places(t) {
		t.Run(kind, func(t *testing.T) {
			a := archive(t, p, 10, 0)
			if _, ok, err := a.Newest(t.Context(), 3); ok || err != nil {
				t.Errorf("the newest of none: %v, %v", ok, err)
			}
			s := shard(t, 3, 9, 20_000)
			for _, output := range []events.Offset{9, 1_000_000_007, 88} { // an owner of the past may come late
				save(t, s, 3, output, 20_000)
				m := put(t, a, s)
				if want := fmt.Sprintf("shop/out/shard-003/%020d-%020d-4001.7.snap", output, output*10); m.Name != want || m.Bytes < 20_000 {
					t.Errorf("put %+v, want %s", m, want)
				}
			}
			put(t, a, shard(t, 4, 5, 10))
			m, ok, err := a.Newest(t.Context(), 3)
			if err != nil || !ok || m.Output != 1_000_000_007 || m.Input != 10_000_000_070 || m.Producer != 4001 || m.Epoch != 7 || m.Shard != 3 {
				t.Errorf("the newest is %+v, %v, %v", m, ok, err)
			}
			all, err := a.All(t.Context())
			if err != nil || len(all) != 4 || all[2].Output != 9 || all[3].Shard != 4 {
				t.Errorf("all are %+v, %v", all, err)
			}
			head, err := a.Header(t.Context(), m)
			if err != nil || head.Output != m.Output || head.App != "shop" {
				t.Errorf("header %+v, %v", head, err)
			}
			told := int64(0)
			if _, err := a.Verify(t.Context(), m, func(done int64) { told = done }); err != nil || told != m.Bytes {
				t.Errorf("verified %d of %d bytes: %v", told, m.Bytes, err)
			}
			dir := filepath.Join(t.TempDir(), "store")
			done, err := a.Restore(t.Context(), m, store.RestoreConfig{Dir: dir, Genesis: head.Genesis, Log: zerolog.Nop()})
			if err != nil || done.Output != m.Output {
				t.Fatal(done, err)
			}
			again, err := store.Open(store.Config{Dir: dir, Shard: 3, Log: zerolog.Nop()})
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if at, _ := again.Positions(); at.Output != m.Output || !bytes.Equal(at.Rulebook, randomBytes(20_000)) {
				t.Errorf("restored is %+v", at)
			}
		})
	}
}

// TestRestoreNewest: the newest one that can be restored, and none that knows less than what is there.
func TestRestoreNewest(t *testing.T) {
	t.Parallel()
	place := folder(t.TempDir())
	a, s := archive(t, place, 10, 0), shard(t, 3, 1, 10)
	var made []Meta
	for _, output := range []events.Offset{10, 20, 30} {
		save(t, s, 3, output, 20_000)
		made = append(made, put(t, a, s))
	}
	try := func(after events.Offset) (m Meta, ok bool, err error) {
		c := store.RestoreConfig{Dir: filepath.Join(t.TempDir(), "store"), Log: zerolog.Nop(),
			Genesis: store.Genesis{App: "shop", Input: "in", Output: "out", Shard: 3, Shards: 8}}
		return a.RestoreNewest(t.Context(), 3, after, c)
	}
	if m, ok, err := try(29); m.Output != 30 || !ok || err != nil {
		t.Errorf("restored %+v, %v, %v", m, ok, err)
	}
	if m, ok, err := try(30); ok || err != nil {
		t.Errorf("what is not newer is restored: %+v, %v", m, err)
	}
	for _, m := range made[1:] {
		if err := os.Truncate(place.path(m.Name), m.Bytes-1); err != nil {
			t.Fatal(err)
		}
	}
	if m, ok, err := try(0); m.Output != 10 || !ok || err != nil {
		t.Errorf("restored %+v, %v, %v", m, ok, err)
	}
	if m, ok, err := try(10); !ok || err == nil || strings.Count(err.Error(), "cut off") != 2 {
		t.Errorf("restored %+v, %v, %v", m, ok, err)
	}
}

// TestArchiveAgain: the same positions are put once, though what was put before may be gone, or an answer be lost.
func TestArchiveAgain(t *testing.T) {
	t.Parallel()
	server, b := newObjectStore(t)
	a, s := archive(t, b, 3, 0), shard(t, 3, 9, 20_000)
	first := put(t, a, s)
	before := len(server.calls)
	if m := put(t, a, s); m.Name != first.Name || len(server.calls) != before+1 {
		t.Errorf("put again as %+v, by %v", m, server.calls[before:])
	}
	if m := put(t, archive(t, b, 3, 0), s); m.Name != first.Name { // by another process, which reads it back
		t.Errorf("put by another as %+v", m)
	}
	if err := b.Delete(t.Context(), first.Name); err != nil {
		t.Fatal(err)
	}
	put(t, a, s)
	if _, ok, _ := a.Newest(t.Context(), 3); !ok {
		t.Error("what somebody deleted is not put again")
	}
}

// TestArchiveReadsBack: what comes back damaged is no snapshot, and nothing is deleted for it.
func TestArchiveReadsBack(t *testing.T) {
	t.Parallel()
	server, b := newObjectStore(t)
	a, s := archive(t, b, 1, 0), shard(t, 3, 9, 20_000)
	put(t, a, s)
	server.hook = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && !r.URL.Query().Has("list-type") {
			server.mu.Lock()
			defer server.mu.Unlock()
			_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
			damaged := bytes.Clone(server.objects[key].bytes)
			damaged[len(damaged)/2]++
			w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
			w.Write(damaged)
			return true
		}
		return false
	}
	save(t, s, 3, 10, 20_000)
	_, err := a.Put(t.Context(), view(t, s))
	if err == nil || !strings.Contains(err.Error(), "read shop/out/shard-003/") || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("got %v", err)
	}
	if n := testutil.ToFloat64(a.metrics.failures.WithLabelValues("3")); n != 1 {
		t.Errorf("%v failures are counted", n)
	}
	if all, _ := a.List(t.Context(), 3); len(all) != 2 {
		t.Errorf("left are %v", all)
	}
}

// TestArchiveOneAtATime: of all shards together one is put at a time, and a view whose turn never comes is closed.
func TestArchiveOneAtATime(t *testing.T) {
	t.Parallel()
	g := &gate{Place: folder(t.TempDir()), entered: make(chan struct{}), leave: make(chan struct{})}
	a := archive(t, g, 1, 0)
	if a.Busy() {
		t.Error("busy from the beginning")
	}
	var wg sync.WaitGroup
	for i := range 3 {
		s := shard(t, events.ShardID(i), 5, 10)
		v := view(t, s)
		wg.Go(func() {
			if _, err := a.Put(t.Context(), v); err != nil {
				t.Error(err)
			}
		})
	}
	<-g.entered
	if !a.Busy() {
		t.Error("not busy while one is put")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := shard(t, 7, 5, 10)
	if _, err := a.Put(ctx, view(t, s)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := s.Close(); err != nil { // which waits for views
		t.Error(err)
	}
	for range 2 {
		g.leave <- struct{}{}
		<-g.entered
	}
	g.leave <- struct{}{}
	wg.Wait()
	if g.most != 1 || a.Busy() {
		t.Errorf("%d were put at once", g.most)
	}
}

// gate is a Place whose Put stops until it is let go on.
type gate struct {
	Place
	entered, leave chan struct{}
	mu             sync.Mutex
	inside, most   int
}

func (g *gate) Put(ctx context.Context, name string, r io.Reader) error {
	g.count(1)
	defer g.count(-1)
	g.entered <- struct{}{}
	<-g.leave
	return g.Place.Put(ctx, name, r)
}

func (g *gate) count(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside += n
	g.most = max(g.most, g.inside)
}

func TestArchiveRefuses(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{App: ".."}); err == nil {
		t.Error("an app that names another folder is taken")
	}
	a, err := New(Config{Place: folder(t.TempDir()), App: "other", Output: "out"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Put(t.Context(), view(t, shard(t, 3, 5, 0))); err == nil || !strings.Contains(err.Error(), "it is of app shop and topic out") {
		t.Error(err)
	}
	a = archive(t, folder(filepath.Join(t.TempDir(), "none")), 1, 0)
	if err := a.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no folder") {
		t.Error(err)
	}
	if _, err := a.Put(t.Context(), view(t, shard(t, 3, 5, 1<<20))); err == nil || !strings.Contains(err.Error(), "there is no folder") {
		t.Error(err)
	}
}

// TestKeep: old ones go when a newer one was put.
func TestKeep(t *testing.T) {
	t.Parallel()
	a, s := archive(t, folder(t.TempDir()), 3, 0), shard(t, 3, 1, 10)
	for output := range events.Offset(10) {
		save(t, s, 3, output+1, 10)
		put(t, a, s)
	}
	all, err := a.List(t.Context(), 3)
	if err != nil || len(all) != 3 || all[0].Output != 10 || all[2].Output != 8 {
		t.Errorf("left are %+v, %v", all, err)
	}
}

// TestSurplus compares what may go with the rules, looked at one by one.
func TestSurplus(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keep, days := rapid.IntRange(1, 4).Draw(t, "keep"), rapid.IntRange(0, 4).Draw(t, "days")
		all := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) Meta {
			output := rapid.IntRange(0, 50).Draw(t, "output")
			hour := rapid.IntRange(0, 200).Draw(t, "hour")
			return Meta{Name: fmt.Sprint(output), Output: events.Offset(output), Put: time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC)}
		}), 1, 30, func(m Meta) events.Offset { return m.Output }).Draw(t, "all")
		newest := rapid.SampledFrom(all).Draw(t, "newest") // what was just put need not be: another may have been ahead
		gone := surplus(slices.Clone(all), newest, keep, days)
		for _, m := range all {
			newer, laterThatDay := 0, 0
			for _, other := range all {
				if other.Output > m.Output {
					newer++
					if other.Put.Format(time.DateOnly) == m.Put.Format(time.DateOnly) {
						laterThatDay++
					}
				}
			}
			today := newest.Put.Truncate(24 * time.Hour)
			recent := m.Put.Truncate(24 * time.Hour).After(today.AddDate(0, 0, -days))
			want := newer >= keep && !(laterThatDay == 0 && recent) && m.Output < newest.Output
			if slices.Contains(gone, m) != want {
				t.Fatalf("keep %d and %d days of %+v: %+v goes: %v, want %v", keep, days, all, m, !want, want)
			}
		}
	})
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"shop/out/shard-003/x.snap", "shop/out/shard-003/1-2-3.4.snap", "shop/out2/shard-003/" + strings.Repeat("0", 20),
		"shop/out", "shop/out/", "shop/out/shard-003/99999999999999999999-00000000000000000000-1.1.snap", ""} {
		if m, ok := metaOf("shop/out", Object{Name: name}); ok {
			t.Errorf("%s was read as %+v", name, m)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p := store.Positions{Input: events.Offset(rapid.Int64Min(0).Draw(t, "input")), Output: events.Offset(rapid.Int64Min(0).Draw(t, "output")),
			Producer: rapid.Int64().Draw(t, "producer"), Epoch: rapid.Int16().Draw(t, "epoch")}
		p.Shard = events.ShardID(rapid.Int32Range(0, 1<<20).Draw(t, "shard"))
		m, ok := metaOf("shop/out", Object{Name: "shop/out/" + nameOf(&p)})
		if !ok || m.Input != p.Input || m.Output != p.Output || m.Producer != p.Producer || m.Epoch != p.Epoch || m.Shard != p.Shard {
			t.Fatalf("%s was read as %+v, %v", nameOf(&p), m, ok)
		}
	})
}
