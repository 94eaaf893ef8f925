package soak

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// onTheWayIn are the failpoints that a process comes to as it takes shards over, so that they are armed before it starts.
var onTheWayIn = []string{"beforeOpened", "afterOpened", "duringAbsorb", "afterAbsorb"}

// onAWalk are those that are come to after the rules have changed.
var onAWalk = []string{"duringWalk"}

// onTheWayOut are those of an orderly end.
var onTheWayOut = []string{"beforeRelease"}

// makeUpWithin is how long a failpoint that is to be hit on purpose may take: a group that waits for a killed member's
// session to end, and then a take-over.
const makeUpWithin = 2*session + 4*time.Second

// patience is after how long it is asked how often a failpoint was hit at which nobody crashes.
const patience = 6 * time.Second

// hit makes a process crash, wait or fail at a failpoint.
func (p *player) hit(ctx context.Context, f fault, at failpoint) {
	in := p.victim(f, func(in *instance) bool { return in.current().isFailing() })
	if in == nil {
		p.figures.count("faults that found nobody with failpoints up")
		return
	}
	p.figures.count("faults: failpoints armed")
	if slices.Contains(onTheWayIn, at.name) {
		in.arm(fmt.Sprintf("%s=%d*off->panic(%q)", at.name, f.draw%3, at.name))
		in.signal(syscall.SIGKILL, "SIGKILL", 0)
		return
	}
	terms, crashes := terms(f, at)
	url := "http://" + in.gofail + "/" + at.name
	if _, err := ask("PUT", url, terms); err != nil {
		p.figures.count("failpoints that could not be armed")
		return
	}
	switch {
	case slices.Contains(onTheWayOut, at.name):
		p.terminate(in, 0)
	case slices.Contains(onAWalk, at.name):
		p.changeRules(ctx)
	}
	if process := in.current(); !crashes {
		p.later(ctx, patience, func() {
			text, err := ask("GET", url+"/count", "")
			if n, _ := strconv.Atoi(strings.TrimSpace(text)); err == nil && in.current() == process {
				p.figures.hit(at.name, n)
			}
		})
	}
}

// terms are what happens at a failpoint, and whether it is a crash, which is seen in the log of the process.
func terms(f fault, at failpoint) (text string, crashes bool) {
	switch x := f.draw / 7 % 10; {
	case slices.Contains(onTheWayOut, at.name):
		return fmt.Sprintf("%d*off->panic(%q)", f.draw%2, at.name), true
	case at.fails && x < 4:
		return `1*return("soak")`, false
	case x < 2:
		return fmt.Sprintf("%d*sleep(%d)", 1+f.draw%2, 300+f.draw%2000), false
	}
	return fmt.Sprintf("%d*off->panic(%q)", f.draw%7, at.name), true
}

func (p *process) isFailing() bool { return p != nil && p.failing }

// makeUp hits those failpoints on purpose that chance has not hit often enough: each instance crashes at one after another.
func (p *player) makeUp(ctx context.Context, least int) {
	defer p.wait.Wait()
	pending := map[string]int{}
	var mu sync.Mutex
	// lacking is the failpoint that lacks most, counting those that somebody is on the way to.
	lacking := func() (at failpoint, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		fewest := least
		for _, x := range p.points {
			if n := p.figures.hitsOf(x.name) + pending[x.name]; n < fewest {
				at, fewest, ok = x, n, true
			}
		}
		pending[at.name]++
		return at, ok
	}
	var instances sync.WaitGroup
	for _, in := range p.instances {
		instances.Go(func() {
			for at, ok := lacking(); ok && ctx.Err() == nil; at, ok = lacking() {
				p.crash(ctx, in, at.name)
				mu.Lock()
				pending[at.name]--
				mu.Unlock()
			}
		})
	}
	instances.Wait()
}

// crash starts an instance anew, to crash at a failpoint.
func (p *player) crash(ctx context.Context, in *instance, point string) {
	ctx, cancel := context.WithTimeout(ctx, makeUpWithin)
	defer cancel()
	before := p.figures.hitsOf(point)
	in.arm(fmt.Sprintf("%s=panic(%q)", point, point))
	in.signal(syscall.SIGKILL, "SIGKILL", 0)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for pushed := false; p.figures.hitsOf(point) == before; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if _, err := ask("GET", "http://"+in.http+"/readyz", ""); err != nil || pushed {
			continue
		}
		switch pushed = true; {
		case slices.Contains(onTheWayOut, point):
			p.terminate(in, 0)
		case slices.Contains(onAWalk, point):
			p.changeRules(ctx)
		}
	}
}

// arm has the next process start with failpoints.
func (in *instance) arm(points string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.armed = points
}
