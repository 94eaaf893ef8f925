package store

import (
	"cmp"
	"fmt"
	"sync"
	"time"
)

// SpaceConfig configures a Space.
type SpaceConfig struct {
	Dir     string  // a folder of the disk
	Low     float64 // share of the disk below which it is low; 0: 0.10
	Resume  float64 // share from which on it no longer is; 0: Low and a fifth more
	Minimum uint64  // bytes below which it is low whatever the share; 0: 256 MiB. It no longer is with a fifth more

	Free func(dir string) (free, total uint64, err error) // nil: DiskFree
	Now  func() time.Time                                 // nil: time.Now
}

// A Space says whether a disk is nearly full: Badger maps its files, so on a full disk the process dies. It may be asked
// at any time by anybody.
type Space struct {
	config SpaceConfig

	mu    sync.Mutex
	until time.Time // until when the answer holds
	low   bool
	room  Room
	err   error
}

// A Room is what a disk has free, and what it must have for its Space not to be low, in bytes.
type Room struct{ Free, Needed uint64 }

// String is for a sentence.
func (r Room) String() string {
	return fmt.Sprintf("%d MiB are free and %d MiB are needed", r.Free>>20, (r.Needed+1<<20-1)>>20)
}

// NewSpace is a Space that has not looked yet.
func NewSpace(c SpaceConfig) *Space {
	c.Low = cmp.Or(c.Low, 0.10)
	c.Resume = max(c.Low, cmp.Or(c.Resume, 1.2*c.Low))
	c.Minimum = cmp.Or(c.Minimum, 256<<20)
	if c.Free == nil {
		c.Free = DiskFree
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Space{config: c}
}

// Low says that nothing should be consumed until the disk has more room. It looks once a second and costs 50 ns else. If
// the disk does not tell, the answer stays as it was.
func (s *Space) Low() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look()
	return s.low
}

// Room is what was found when it last looked, and the error of that.
func (s *Space) Room() (Room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look()
	return s.room, s.err
}

func (s *Space) look() {
	c, now := &s.config, s.config.Now()
	if now.Before(s.until) {
		return
	}
	s.until = now.Add(time.Second)
	free, total, err := c.Free(c.Dir)
	if s.err = err; err != nil {
		return
	}
	needed := max(uint64(c.Low*float64(total)), c.Minimum)
	again := max(uint64(c.Resume*float64(total)), c.Minimum+c.Minimum/5)
	if s.low = free < needed || s.low && free < again; s.low {
		needed = again
	}
	s.room = Room{free, needed}
}
