package oracle

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
)

// happening is one time that what a trigger waits for happened.
type happening struct {
	at    events.Instant
	key   string
	place int // of the event, if it happens by one
}

// standing are the occurrences of a trigger that stand: its condition holds, none of that key stands before, and none in
// the cooldown before.
func (r *run) standing(t *rules.Trigger) (list []Occurrence) {
	all := r.happenings(t.On)
	slices.SortStableFunc(all, func(a, b happening) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.place, b.place), strings.Compare(a.key, b.key))
	})
	for _, h := range all {
		key := shortened(h.key)
		held := slices.ContainsFunc(list, func(o Occurrence) bool {
			return o.Key == key || t.Cooldown.N > 0 && h.at < r.add(o.T0, t.Cooldown)
		})
		if held {
			continue
		}
		if t.When != nil {
			if is, _ := r.holds(t.When, h.at); !is {
				continue
			}
		}
		list = append(list, Occurrence{Key: key, T0: h.at, Said: r.add(h.at, t.Settle)})
	}
	return list
}

func (r *run) happenings(on rules.Condition) (all []happening) {
	switch on := on.(type) {
	case *rules.Event:
		if on.Op != "" {
			return r.becoming(on, true)
		}
		for _, h := range r.hits(&on.Match, on.Field, r.until) {
			all = append(all, happening{r.list[h.event].Time, r.mark(h.event), h.event})
		}
		return all
	case *rules.Sequence:
		for _, i := range r.completions(on) {
			all = append(all, happening{r.list[i.event].Time, i.key, i.event})
		}
		return all
	case *rules.Catalogue:
		for _, m := range r.meetings(on, r.until) {
			e := r.event(m.event)
			all = append(all, happening{at: e.Time, key: e.ID})
		}
		return all
	case *rules.Entered:
		return r.becoming(r.segment(on.Segment).When, true)
	case *rules.Left:
		return r.becoming(r.segment(on.Segment).When, false)
	case *rules.Becomes:
		return r.becoming(on.Of, true)
	}
	switch on.(type) {
	case *rules.Date, *rules.Item:
		return r.coming(on)
	}
	before := map[string]bool{}
	r.walk(r.edges(on), func(at events.Instant) string {
		now := map[string]bool{}
		for _, i := range r.instances(on, at) {
			if !before[i.id] && !now[i.id] {
				all = append(all, happening{at: at, key: i.key})
			}
			now[i.id] = true
		}
		before = now
		return fmt.Sprint(now)
	})
	return all
}

// coming is each date's instant, or if it is later that of the event that says it: of a date that recurs the last to come.
func (r *run) coming(on rules.Condition) (all []happening) {
	_, one := on.(*rules.Date)
	for _, at := range r.edges(on) {
		list := r.instances(on, at)
		slices.SortFunc(list, func(a, b instance) int { return cmp.Compare(a.from, b.from) })
		if n := len(list); one && n > 1 {
			list = list[n-1:]
		}
		for _, i := range list {
			if max(i.from, r.list[i.event].Time) == at {
				all = append(all, happening{at: at, key: i.key})
			}
		}
	}
	return all
}

// becoming is each time that a condition becomes true, or false. Before the first event it is neither.
func (r *run) becoming(c rules.Condition, to bool) (all []happening) {
	before, latest, times := false, -1, 0
	r.walk(r.edges(c), func(at events.Instant) string {
		is, deciding := r.holds(c, at)
		if is != before && is == to {
			event := r.latest(deciding, at)
			if latest < 0 || r.precedes(latest, event) {
				latest, times = event, 0
			}
			key := r.mark(latest)
			if times++; times > 1 {
				key = fmt.Sprintf("%s/%d", key, times)
			}
			all = append(all, happening{at: at, key: key})
		}
		before = is
		return fmt.Sprint(is)
	})
	return all
}

// latest is the last of the events that decide; if none does the last up to the instant.
func (r *run) latest(deciding []int, at events.Instant) int {
	if len(deciding) == 0 {
		return r.upTo(at) - 1
	}
	return slices.MaxFunc(deciding, func(a, b int) int {
		return cmp.Or(cmp.Compare(r.event(a).Time, r.event(b).Time), strings.Compare(r.mark(a), r.mark(b)))
	})
}

// precedes says whether b is later than a: of one instant the digits say so.
func (r *run) precedes(a, b int) bool { return r.latest([]int{a, b}, 0) == b && a != b }

func (r *run) mark(event int) string {
	e := r.event(event)
	if event >= len(r.list) {
		return Mark("world\xff"+e.Source, e.ID)
	}
	return Mark(e.Source, e.ID)
}

// Mark is the 16 hexadecimal digits that stand for an event's source and id: their FNV-1a with 0xff between, the upper
// half folded into the lower, and never 0.
func Mark(source, id string) string {
	h := fnv.New64a()
	h.Write([]byte(source + "\xff" + id))
	sum := h.Sum64()
	return fmt.Sprintf("%016x", max(1, sum^sum>>32))
}

// shortened is a key of at most 96 bytes: whole characters, and 16 digits that stand for the rest.
func shortened(key string) string {
	if len(key) <= 96 {
		return key
	}
	n := 80
	for !utf8.RuneStart(key[n]) {
		n--
	}
	return key[:n] + fmt.Sprintf("%x", sha256.Sum256([]byte(key)))[:16]
}
