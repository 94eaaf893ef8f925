package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// session is how long the group waits for an instance that is not heard of.
const session = 3 * time.Second

// kind is a kind of fault.
type kind int

const (
	kill kind = iota
	point
	freeze
	term
	broker
	network
	wipe
)

// shares are the kinds' shares in percent.
var shares = []struct {
	kind  kind
	share int
}{{kill, 35}, {point, 25}, {freeze, 10}, {term, 10}, {broker, 5}, {network, 10}, {wipe, 5}}

// fault is one fault as it was drawn.
type fault struct {
	after time.Duration // the fault before it
	kind  kind
	pick  int     // of the instance, or the node
	draw  int     // of what the kind has to choose
	part  float64 // of how long
}

func drawFault(rng *rand.Rand) fault {
	f := fault{after: 200*time.Millisecond + time.Duration(rng.Int64N(1800))*time.Millisecond,
		pick: rng.IntN(1 << 20), draw: rng.IntN(1 << 20), part: rng.Float64()}
	x := rng.IntN(100)
	for _, s := range shares {
		if x -= s.share; x < 0 {
			f.kind = s.kind
			break
		}
	}
	return f
}

// length is a part of a span.
func (f fault) length(least, most time.Duration) time.Duration {
	return least + time.Duration(f.part*float64(most-least))
}

// player makes faults happen.
type player struct {
	cluster   *cluster
	instances []*instance
	points    []failpoint
	figures   *figures
	rng       *rand.Rand
	settings  []string // of the command that changes rules

	rulebook int         // which of variants is in force
	variants [2][]string // flags of each
	next     int         // in points
	wait     sync.WaitGroup
	brokered atomic.Bool // a broker is down
	toxic    []atomic.Bool
}

// changeEvery is how many faults come before the rules change, which is no fault: but who is killed on the walk that follows
// has to find the way again.
const changeEvery = 25

// play makes faults until ctx ends, and returns when all of them are over.
func (p *player) play(ctx context.Context) {
	p.toxic = make([]atomic.Bool, len(p.instances))
	p.rng.Shuffle(len(p.points), func(i, j int) { p.points[i], p.points[j] = p.points[j], p.points[i] })
	defer p.wait.Wait()
	for n := 1; ; n++ {
		f := drawFault(p.rng)
		select {
		case <-ctx.Done():
			return
		case <-time.After(f.after):
		}
		if p.do(ctx, f); n%changeEvery == 0 {
			p.changeRules(ctx)
		}
	}
}

// later runs undo after a while, or when ctx ends.
func (p *player) later(ctx context.Context, after time.Duration, undo func()) {
	p.wait.Go(func() {
		select {
		case <-time.After(after):
		case <-ctx.Done():
		}
		undo()
	})
}

// victim is the instance that f picks, or the next one that is up; nil if none is.
func (p *player) victim(f fault, suits func(*instance) bool) *instance {
	for i := range p.instances {
		if in := p.instances[(f.pick+i)%len(p.instances)]; in.up() && suits(in) {
			return in
		}
	}
	return nil
}

func anyone(*instance) bool { return true }

func (p *player) do(ctx context.Context, f fault) {
	in := p.victim(f, anyone)
	pause := f.length(0, 2*time.Second)
	switch {
	case f.kind == broker:
		p.killBroker(ctx, f)
	case in == nil:
		p.figures.count("faults that found nobody up")
	case f.kind == kill:
		in.signal(syscall.SIGKILL, "SIGKILL", pause)
		p.figures.count("faults: SIGKILL")
	case f.kind == wipe:
		in.mu.Lock()
		in.wipe = true
		in.mu.Unlock()
		in.signal(syscall.SIGKILL, "SIGKILL", pause)
		p.figures.count("faults: SIGKILL and the store wiped")
	case f.kind == term:
		p.terminate(in, pause)
		if process := in.current(); f.draw%3 == 0 { // and once more, which ends it at once
			p.later(ctx, f.length(0, time.Second), func() {
				if in.current() == process {
					in.signal(syscall.SIGTERM, "a second SIGTERM", pause)
				}
			})
		}
	case f.kind == freeze:
		in.signal(syscall.SIGSTOP, "", 0)
		p.figures.count("faults: SIGSTOP beyond the session, SIGCONT")
		frozen := f.length(session+2*time.Second, session+8*time.Second)
		p.later(ctx, frozen, func() { in.signal(syscall.SIGCONT, "", 0) })
		if f.draw%2 == 0 { // nothing else meanwhile: the others have time to take over, and it comes back as a zombie
			select {
			case <-time.After(frozen):
			case <-ctx.Done():
			}
		}
	case f.kind == network:
		p.poisonNetwork(ctx, in, f)
	case f.kind == point && len(p.points) > 0:
		p.next++
		p.hit(ctx, f, p.points[p.next%len(p.points)])
	}
}

// stopWithin is how long a SIGTERM may take.
const stopWithin = 45 * time.Second

// terminate asks for an orderly end and sees to it that there is one.
func (p *player) terminate(in *instance, pause time.Duration) {
	process := in.current()
	if process == nil || !in.signal(syscall.SIGTERM, "SIGTERM", pause) {
		return
	}
	p.figures.count("faults: SIGTERM")
	p.wait.Go(func() {
		for waited := time.Duration(0); waited < stopWithin; waited += 100 * time.Millisecond {
			select {
			case <-process.done:
				return
			case <-time.After(100 * time.Millisecond):
				if !in.up() {
					waited -= 100 * time.Millisecond // nobody stops while frozen
				}
			}
		}
		p.figures.find("instance %d did not end within %s of SIGTERM (see %s)", in.number, stopWithin, process.log)
		process.cmd.Process.Kill()
	})
}

// killBroker kills a node and starts it again. One at a time: two of three would only be a longer pause.
func (p *player) killBroker(ctx context.Context, f fault) {
	if !p.brokered.CompareAndSwap(false, true) {
		p.figures.count("faults left out, for a broker was down already")
		return
	}
	p.figures.count("faults: broker SIGKILL")
	node := strconv.Itoa(f.pick%p.cluster.nodes + 1)
	p.wait.Go(func() {
		defer p.brokered.Store(false)
		whole := context.WithoutCancel(ctx) // the node is to be there again in any case
		if err := p.cluster.run(whole, "kill", node); err != nil {
			p.figures.find("%v", err)
		}
		select {
		case <-time.After(f.length(0, 3*time.Second)):
		case <-ctx.Done():
		}
		if err := p.cluster.start(whole); err != nil {
			p.figures.find("%v", err)
		}
	})
}

// toxics are what the network does, both ways where no direction is said.
var toxics = []struct{ kind, attributes string }{
	{"latency", `"latency":700,"jitter":600`},
	{"slicer", `"average_size":80,"size_variation":60,"delay":1500`},
	{"timeout", `"timeout":0`}, // swallows everything
	{"timeout", `"timeout":1500`},
	{"reset_peer", `"timeout":0`},
	{"bandwidth", `"rate":20`},
}

// poisonNetwork puts a toxic between an instance and all brokers, for a while.
func (p *player) poisonNetwork(ctx context.Context, in *instance, f fault) {
	i := in.number - 1
	if !p.toxic[i].CompareAndSwap(false, true) {
		return
	}
	x := toxics[f.draw%len(toxics)]
	streams := [][]string{{"upstream"}, {"downstream"}, {"upstream", "downstream"}}[f.draw/len(toxics)%3]
	p.figures.count("faults: network " + x.kind)
	for _, proxy := range p.cluster.proxies[i] {
		for _, stream := range streams {
			if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(
				fmt.Sprintf(`{"type":%q,"stream":%q,"attributes":{%s}}`, x.kind, stream, x.attributes))); err != nil {
				p.figures.find("add a toxic: %v", err)
			}
		}
	}
	p.later(ctx, f.length(500*time.Millisecond, 9*time.Second), func() {
		for _, proxy := range p.cluster.proxies[i] {
			proxy.Toxics.ResetToxics(context.WithoutCancel(ctx))
		}
		p.toxic[i].Store(false)
	})
}
