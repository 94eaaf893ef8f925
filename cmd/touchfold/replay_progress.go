package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor"
)

// progress tells how far a replay is, first with reading and then with folding: on a terminal as a bar that moves, else as a line now and then.
type progress struct {
	w        io.Writer
	bar      bool
	every    time.Duration
	fraction func() (float64, bool) // of the input that was read

	mu     sync.Mutex
	fed    int             // touchpoints; all of them before the first is folded
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

// feed is told of every touchpoint fed.
func (p *progress) feed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fed++; p.fed%1024 != 0 || !p.due() {
		return
	}
	part, known := p.fraction()
	p.show(part, known, fmt.Sprintf("%d touchpoints read", p.fed))
}

// watch is told of every round of every shard.
func (p *progress) watch(at processor.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.folded[at.Shard], p.clock = at.Position, max(p.clock, at.Clock)
	if !p.due() {
		return
	}
	n := 0
	for _, f := range p.folded {
		n += int(f)
	}
	p.show(float64(n)/float64(max(1, p.fed)), true, fmt.Sprintf("%d touchpoints folded, %s", n, p.clock.Time().Format(time.DateOnly)))
}

// tell is told how far something is, part of 1.
func (p *progress) tell(part float64, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.due() {
		p.show(part, true, text)
	}
}

// due says whether it is time to write again.
func (p *progress) due() bool {
	now := time.Now()
	if now.Before(p.after) {
		return false
	}
	p.after = now.Add(p.every)
	return true
}

// show writes how far it is, part of 1 if that is known.
func (p *progress) show(part float64, known bool, text string) {
	if known {
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
