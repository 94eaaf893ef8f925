package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/lifecycle"
)

const (
	screenWidth  = 100
	screenRecent = 12 // derived events on the screen
	plainLines   = 5  // derived events a second that are written besides those of a new kind
)

// demoScreen shows how far the demo is: on a terminal in place, else as lines. It belongs to one goroutine.
type demoScreen struct {
	*demo
	w      io.Writer
	moves  bool
	drawn  int // lines that the next frame is drawn over
	recent []string
	shown  map[string]bool // kinds that were written

	measured time.Time
	before   int     // touchpoints then
	rate     float64 // of touchpoints, a second
}

func newDemoScreen(d *demo, w io.Writer, moves bool) *demoScreen {
	return &demoScreen{demo: d, w: w, moves: moves, shown: map[string]bool{}, measured: time.Now()}
}

// title says what is to be seen, once.
func (s *demoScreen) title() {
	until := "until Ctrl-C"
	if s.duration > 0 {
		until = "for " + s.duration.String() + " in all"
	}
	fmt.Fprintf(s.w, "%d months of a simulated chain of shops in Hong Kong and Taiwan, then live, %s.\n"+
		"%d customers, all invented (--seed %d); %d shards; the default thresholds; times of %s.\n"+
		"Metrics: http://%s/metrics   Kafka: %s, topic %s\n",
		demoMonths, until, s.customers, s.seed, demoShards, s.config.Business.Zone, s.ops.Addr(), s.rehearsal.Broker(), s.config.Topics.Events)
	if s.moves {
		fmt.Fprintln(s.w, "Counted below: how often a segment was entered (+) and left (−), how often a stage was reached.")
	}
	fmt.Fprintln(s.w)
}

// run shows until ctx ends.
func (s *demoScreen) run(ctx context.Context) {
	every := time.Second
	if s.moves {
		every = 200 * time.Millisecond
		fmt.Fprint(s.w, "\x1b[?25l") // no cursor
		defer fmt.Fprint(s.w, "\x1b[?25h")
	}
	for pause(ctx, every) == nil {
		s.show()
	}
}

// last shows how it stood at the end.
func (s *demoScreen) last() {
	s.show()
	fmt.Fprintln(s.w)
}

func (s *demoScreen) show() {
	said := s.heard.take()
	status := s.status()
	if !s.moves {
		s.list(said)
		fmt.Fprintln(s.w, cut(status))
		return
	}
	for _, x := range said[max(0, len(said)-screenRecent):] {
		s.recent = append(s.recent, s.heard.sentence(x))
	}
	s.recent = s.recent[max(0, len(s.recent)-screenRecent):]
	s.frame(append([]string{s.bar(), status, s.segments(), s.stages(), ""}, s.recent...))
}

// frame draws lines over the former ones. What is longer than a line of the terminal is cut, not wrapped.
func (s *demoScreen) frame(lines []string) {
	var b strings.Builder
	b.WriteString("\x1b[?7l")
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.drawn)
	}
	for _, l := range lines {
		b.WriteString("\r" + cut(l) + "\x1b[K\n")
	}
	b.WriteString("\x1b[J\x1b[?7h")
	s.drawn = len(lines)
	io.WriteString(s.w, b.String()) // a terminal that is gone will end the process
}

// cut is at most as much of a line as the screen is wide.
func cut(line string) string {
	r := []rune(line)
	if len(r) <= screenWidth {
		return line
	}
	return string(r[:screenWidth-1]) + "…"
}

// list writes what was said: all that is new, and a few more.
func (s *demoScreen) list(said []*events.Statement) {
	left, more := plainLines, 0
	for _, x := range said {
		kind := kindOf(x)
		if s.shown[kind] {
			if left == 0 {
				more++
				continue
			}
			left--
		}
		s.shown[kind] = true
		fmt.Fprintln(s.w, cut("  "+s.heard.sentence(x)))
	}
	if more > 0 {
		fmt.Fprintf(s.w, "  and %s more\n", grouped(more))
	}
}

// status is the figures of touchpoints and of what followed.
func (s *demoScreen) status() string {
	became, err := counts(s.registry, "touchfold_touchpoints_total", "outcome")
	if err != nil {
		return "the metrics cannot be read: " + err.Error()
	}
	derived, err := counts(s.registry, "touchfold_derived_total", "type")
	if err != nil {
		return "the metrics cannot be read: " + err.Error()
	}
	folded := sum(became)
	if t := time.Since(s.measured); t >= time.Second*9/10 {
		s.rate = float64(folded-s.before) / t.Seconds()
		s.measured, s.before = time.Now(), folded
	}
	lag := max(0, int(s.heard.fed.Load())-folded)
	behind := float64(lag) / max(1, s.rate)
	text := fmt.Sprintf("%-10s  %s touchpoints %s/s  late %s duplicate %s parked %s  lag %s",
		s.heard.date(s.heard.clock()), grouped(folded), grouped(int(s.rate)), grouped(became["late"]+became["corrected"]),
		grouped(became["duplicate"]), grouped(became["parked"]), grouped(lag))
	if behind >= 0.05 {
		text += fmt.Sprintf(", %.1fs", behind)
	}
	return text + "  derived " + grouped(sum(derived))
}

// bar is how much of the history is over.
func (s *demoScreen) bar() string {
	const wide = 60
	if s.heard.live.Load() {
		end := "Ctrl-C ends"
		if s.duration > 0 {
			end = fmt.Sprintf("%d s left", max(0, int((s.duration-time.Since(s.began)).Seconds())))
		}
		return "live: a sale, and everybody is in a hurry · " + end
	}
	part := float64(s.heard.clock()-s.start) / float64(s.now-s.start)
	full := max(0, int(part*wide))
	return "history " + strings.Repeat("█", full) + strings.Repeat("░", wide-full) + fmt.Sprintf(" %3.0f %%", max(0, 100*part))
}

func (s *demoScreen) segments() string {
	n, text := s.heard.counts(), "segments "
	for _, fact := range demoSegments {
		name := strings.TrimPrefix(fact, "segment/")
		text += fmt.Sprintf("  %s +%s −%s", name, grouped(n["entered segment "+name]), grouped(n["left segment "+name]))
	}
	return text
}

func (s *demoScreen) stages() string {
	n, text := s.heard.counts(), lifecycle.Key
	for _, stage := range demoStages {
		text += fmt.Sprintf("  %s %s", stage, grouped(n["became "+stage]))
	}
	return text
}
