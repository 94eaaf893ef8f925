package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor"
)

// progress tells how far a replay is: on a terminal as a bar that moves, else as a line now and then.
type progress struct {
	w        io.Writer
	bar      bool
	every    time.Duration
	fraction func() (float64, bool) // of the input that was read
	fed      atomic.Int64           // touchpoints

	mu     sync.Mutex
	folded []events.Offset // by shard
	clock  events.Instant
	after  time.Time // nothing is written earlier
}

func newProgress(w io.Writer, shards int, fraction func() (float64, bool)) *progress {
	p := &progress{w: w, bar: isTerminal(w), every: 5 * time.Second, fraction: fraction, folded: make([]events.Offset, shards)}
	if p.bar {
		p.every = 100 * time.Millisecond
	}
	p.after = time.Now().Add(p.every)
	return p
}

// watch is told of every round of every shard.
func (p *progress) watch(at processor.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.folded[at.Shard], p.clock = at.Position, max(p.clock, at.Clock)
	now := time.Now()
	if now.Before(p.after) {
		return
	}
	p.after = now.Add(p.every)
	var n events.Offset
	for _, f := range p.folded {
		n += f
	}
	text := fmt.Sprintf("%d touchpoints, %s", n, p.clock.Time().Format(time.DateOnly))
	if part, ok := p.fraction(); ok {
		part *= float64(n) / float64(max(1, p.fed.Load()))
		text = fmt.Sprintf("%3.0f %%  %s", 100*min(part, 1), text)
		if full := int(30 * min(part, 1)); p.bar {
			text = "[" + strings.Repeat("=", full) + strings.Repeat(" ", 30-full) + "] " + text
		}
	}
	if p.bar {
		fmt.Fprint(p.w, "\r\x1b[K", text)
	} else {
		fmt.Fprintln(p.w, text)
	}
}

// clear takes the bar away.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
