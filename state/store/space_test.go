package store

import (
	"errors"
	"testing"
	"time"
)

func TestDiskFree(t *testing.T) {
	free, total, err := DiskFree(t.TempDir())
	if err != nil || free > total || total == 0 {
		t.Errorf("%d of %d bytes are free: %v", free, total, err)
	}
	if _, _, err := DiskFree("/nowhere"); err == nil {
		t.Error("a folder that is not there has room")
	}
}

func TestSpace(t *testing.T) {
	const total = 10_000 << 20
	var free uint64
	var fails error
	now := time.Unix(0, 0)
	looks := 0
	needed := map[bool]uint64{false: 1000, true: 1200}
	s := NewSpace(SpaceConfig{Dir: "x", Now: func() time.Time { return now }, Free: func(dir string) (uint64, uint64, error) {
		looks++
		return free, total, fails
	}})
	for i, x := range []struct {
		mib   uint64
		fails error
		low   bool
	}{{5000, nil, false}, {1000, nil, false}, {999, nil, true}, {1199, nil, true}, {0, errors.New("gone"), true}, {1200, nil, false},
		{1000, nil, false}, {0, errors.New("gone"), false}} {
		free, fails = x.mib<<20, x.fails
		if got := s.Low(); got != x.low {
			t.Errorf("step %d: with %d MiB low is %v", i, x.mib, got)
		}
		if r, err := s.Room(); (err != nil) != (x.fails != nil) || err == nil && r != (Room{x.mib << 20, needed[x.low] << 20}) {
			t.Errorf("step %d: %v, %v", i, r, err)
		}
		now = now.Add(999 * time.Millisecond)
		free, fails = 5000<<20, nil
		if s.Low() != x.low || looks != i+1 {
			t.Errorf("step %d: it looked again within a second", i)
		}
		now = now.Add(time.Millisecond)
	}
	s = NewSpace(SpaceConfig{Low: 0.001, Minimum: 100 << 20, Now: func() time.Time { now = now.Add(time.Second); return now },
		Free: func(string) (uint64, uint64, error) { return free, total, nil }})
	for i, x := range []struct {
		mib uint64
		low bool
	}{{100, false}, {99, true}, {119, true}, {120, false}} {
		free = x.mib << 20
		if got := s.Low(); got != x.low {
			t.Errorf("step %d: with %d MiB low is %v", i, x.mib, got)
		}
	}
	if got := (Room{140<<20 + 1, 256<<20 + 1}).String(); got != "140 MiB are free and 257 MiB are needed" {
		t.Error(got)
	}
}

func BenchmarkSpaceLow(b *testing.B) {
	s := NewSpace(SpaceConfig{Dir: b.TempDir()})
	for b.Loop() {
		s.Low()
	}
}
