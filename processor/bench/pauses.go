package bench

import (
	"fmt"
	"slices"

	"github.com/touchfold/touchfold/events"
)

// Pauses are the longest times, one of each shard and round, from the append of a touchpoint until the append of what it made
// true, by the broker's clock.
type Pauses struct {
	Count   int     `json:"count"`
	Silent  int     `json:"silent"` // so many more of whose touchpoints nothing followed
	Median  float64 `json:"median_seconds"`
	Longest float64 `json:"longest_seconds"`
	all     []float64
}

// add takes one, negative if nothing followed.
func (p *Pauses) add(pause events.Instant) {
	if pause < 0 {
		p.Silent++
		return
	}
	p.all = append(p.all, float64(pause)/1000)
	p.Count, p.Median, p.Longest = len(p.all), median(p.all), slices.Max(p.all)
}

// String is a cell of a table.
func (p Pauses) String() string {
	text := "-"
	if p.Count > 0 {
		text = fmt.Sprintf("%.2f s (%.2f)", p.Median, p.Longest)
	}
	if p.Silent > 0 {
		text += fmt.Sprintf(", %d silent", p.Silent)
	}
	return text
}

// span is the time of a change, by our clock, which is to be the broker's within some ms.
type span struct {
	from, to events.Instant
	change   int // of SharingResult; -1: none of these
}

// watched is one shard in the spans of a round.
type watched struct {
	first    events.Offset    // of appended
	appended []events.Instant // when its touchpoints were
	spans    []span
	longest  []events.Instant // by span; -1: nothing followed
	moved    []bool           // by span
}

func newWatched(first events.Offset, appended []events.Instant, spans []span) *watched {
	w := &watched{first: first, appended: appended, spans: spans, moved: make([]bool, len(spans))}
	for range spans {
		w.longest = append(w.longest, -1)
	}
	return w
}

// hear takes a record of the output. A mark shows that the shard moved, by the change that came last before it. A statement,
// whenever it comes, shows how long what caused it had waited that was appended in the time of a change.
func (w *watched) hear(rec *events.Record) error {
	s, mark, err := events.ParseDerived(rec)
	switch {
	case err != nil:
		return err
	case mark != nil:
		for i := len(w.spans) - 1; i >= 0 && mark.Kind != events.ShardAlive; i-- {
			if w.spans[i].from <= rec.Append {
				w.moved[i] = true
				break
			}
		}
	case s.Cause == events.ByEvent:
		n := int(s.Position - 1 - w.first) // the position is behind the touchpoint
		if n < 0 || n >= len(w.appended) {
			return nil
		}
		at := w.appended[n]
		if i := slices.IndexFunc(w.spans, func(x span) bool { return x.from <= at && at < x.to }); i >= 0 {
			w.longest[i] = max(w.longest[i], rec.Append-at)
		}
	}
	return nil
}
