package soak

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// onTheWayIn are the failpoints that a process comes to as it takes shards over, so that they are armed before it starts;
// those of a walk as well, for a walk follows a take-over.
var onTheWayIn = []string{"beforeOpened", "afterOpened", "duringAbsorb", "afterAbsorb", "duringWalk"}

// onTheWayOut are those of an orderly end.
var onTheWayOut = []string{"beforeRelease"}

// makeUpWithin is how long a failpoint that is to be hit on purpose may take: a group that waits for a killed member's
// session to end, and then a take-over.
const makeUpWithin = 2*session + 4*time.Second

// patience is how long a failpoint stays armed.
const patience = 6 * time.Second

// hit makes a process crash, wait or fail at a failpoint.
func (p *player) hit(ctx context.Context, f fault, at failpoint) {
	in := p.victim(f, func(in *instance) bool { return in.current().isFailing() })
	if in == nil {
		p.figures.count("faults that found nobody with failpoints up")
		return
	}
	p.figures.count("faults: failpoints armed")
	terms := fmt.Sprintf("%d*off->panic(%q)", f.draw%7, at.name)
	if slices.Contains(onTheWayIn, at.name) {
		in.mu.Lock()
		in.armed = fmt.Sprintf("%s=%d*off->panic(%q)", at.name, f.draw%3, at.name)
		in.mu.Unlock()
		in.signal(syscall.SIGKILL, "SIGKILL", 0)
		return
	}
	counts := false // by the process's own count; a crash is seen in its log
	switch x := f.draw / 7 % 10; {
	case slices.Contains(onTheWayOut, at.name):
		terms = fmt.Sprintf("%d*off->panic(%q)", f.draw%2, at.name)
	case at.fails && x < 4:
		terms, counts = `1*return("soak")`, true
	case x < 2:
		terms, counts = fmt.Sprintf("%d*sleep(%d)", 1+f.draw%2, 300+f.draw%2000), true
	}
	url := "http://" + in.gofail + "/" + at.name
	if _, err := ask("PUT", url, terms); err != nil {
		p.figures.count("failpoints that could not be armed")
		return
	}
	if slices.Contains(onTheWayOut, at.name) {
		p.terminate(in, 0)
	}
	process := in.current()
	p.later(ctx, patience, func() {
		if in.current() != process {
			return
		}
		if text, err := ask("GET", url+"/count", ""); err == nil && counts {
			n, _ := strconv.Atoi(strings.TrimSpace(text))
			p.figures.hit(at.name, n)
		}
		_, _ = ask("DELETE", url, "") // gone if the process is, and then there is nothing to take back
	})
}

func (p *process) isFailing() bool { return p != nil && p.failing }

// makeUp hits those failpoints on purpose that chance has not hit often enough, for a while.
func (p *player) makeUp(ctx context.Context, least int) {
	defer p.wait.Wait()
	for round := 0; ctx.Err() == nil; round++ {
		missing := 0
		for _, at := range p.points {
			if p.figures.hitsOf(at.name) >= least {
				continue
			}
			missing++
			f := drawFault(p.rng)
			f.draw = 126 // at the first chance, and by a crash
			before := p.figures.hitsOf(at.name)
			p.hit(ctx, f, at)
			for waited := time.Duration(0); waited < makeUpWithin && ctx.Err() == nil && p.figures.hitsOf(at.name) == before; waited += 100 * time.Millisecond {
				<-time.After(100 * time.Millisecond)
			}
		}
		if missing == 0 {
			return
		}
	}
}
