package soak

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/touchfold/touchfold/processor/rehearsal/oracle"
)

// world is all that an independent reader can see at the end.
type world struct {
	app    string
	topic  string       // of the input
	rules  oracle.Rules // before any rulebook stands in the input
	end    time.Time    // the instant for which the last words are judged
	input  [][]record
	output [][]record
	parked []record

	people map[string]*history
	poison map[string]string // of "partition/offset": the reason for which it must be parked
	words  [][]word          // of output
	ruled  [][]ruled         // of input: the rulebooks that came in force
	last   map[string]map[string]word
	said   map[string][]word // by customer and fact
	found  []violation
	marks  map[string]int // of output, by kind
}

// history is what stands in the input of one customer.
type history struct {
	sent    []oracle.Touchpoint // as the driver wrote it, wherever it stands
	steps   []oracle.Touchpoint // in the customer's own partition, in order
	offsets []int64             // of steps
	astray  map[string]bool     // numbers of those that stand on a wrong partition only
	arrived map[string]bool     // numbers of those in steps
}

// word is a statement.
type word struct {
	record
	fact            string
	previous, value any // nil is not so
	n               uint32
	position, clock int64
	asOf            time.Time
}

// violation is something that must not be. Where is a partition and an offset of the output, -1 if it has no place there.
type violation struct {
	partition int32
	offset    int64
	text      string
}

func (w *world) find(r *record, format string, args ...any) {
	v := violation{-1, -1, fmt.Sprintf(format, args...)}
	if r != nil {
		v.partition, v.offset = r.partition, r.offset
	}
	w.found = append(w.found, v)
}

// check holds the output and what was parked against the input.
func (w *world) check() []violation {
	w.found, w.people, w.poison, w.last, w.marks = nil, map[string]*history{}, map[string]string{}, map[string]map[string]word{}, map[string]int{}
	w.words, w.ruled, w.said = make([][]word, len(w.output)), make([][]ruled, len(w.input)), map[string][]word{}
	w.readInput()
	ids := map[string]*record{}
	for i := range w.output {
		w.readPartition(w.output[i], ids)
		w.checkSteps(w.words[i])
	}
	w.checkLastWords()
	w.checkParked()
	return w.found
}

// readInput sorts what was written by customer. What has no marking of the driver's is the program's own.
func (w *world) readInput() {
	for _, partition := range w.input {
		for i := range partition {
			r := &partition[i]
			number, ours := r.headers[marking]
			if !ours {
				if r.headers["ce_type"] == "touchfold.rulebook.v1" {
					w.takeRules(r)
				}
				continue
			}
			if number, reason, is := strings.Cut(number, " "); is {
				if r.headers["tf_origin_topic"] != "" {
					w.find(nil, "poison %s was forwarded to %d/%d", number, r.partition, r.offset)
				}
				w.poison[place(r.partition, r.offset)] = reason
				continue
			}
			t, err := w.rules.Decode(oracle.Record{Topic: w.topic, Partition: r.partition, Offset: r.offset, Append: r.appended,
				Headers: r.headers, Value: r.value})
			if err != nil {
				w.find(nil, "the naive fold cannot read %d/%d: %v", r.partition, r.offset, err)
				continue
			}
			w.enter(r, number, t)
		}
	}
	for name, h := range w.people {
		if len(h.astray) > 0 {
			w.find(nil, "%d touchpoints of %s stand on another partition and were never forwarded: numbers %v", len(h.astray), name,
				slices.Sorted(maps.Keys(h.astray)))
		}
	}
}

func place(partition int32, offset int64) string { return fmt.Sprint(partition, "/", offset) }

// enter adds a touchpoint to its customer's history.
func (w *world) enter(r *record, number string, t oracle.Touchpoint) {
	h := w.people[t.Customer]
	if h == nil {
		h = &history{astray: map[string]bool{}, arrived: map[string]bool{}}
		w.people[t.Customer] = h
	}
	_, forwarded := r.headers["tf_origin_topic"]
	if !forwarded {
		h.sent = append(h.sent, t)
	}
	if r.partition == shardOf(t.Customer, len(w.input)) {
		h.steps, h.offsets = append(h.steps, t), append(h.offsets, r.offset)
		delete(h.astray, number)
		h.arrived[number] = true
	} else if !forwarded && !h.arrived[number] {
		h.astray[number] = true
	}
}

// checkSteps looks at the statements of a partition in order: their steps never go back, and each was true at its own.
func (w *world) checkSteps(words []word) {
	var position, clock int64
	looked := map[string]int{}
	for i := range words {
		x := &words[i]
		if x.position < position {
			w.find(&x.record, "tf_position goes back from %d to %d", position, x.position)
		}
		if x.clock < clock {
			w.find(&x.record, "tf_clock goes back from %d to %d", clock, x.clock)
		}
		if x.asOf.UnixMilli() > x.clock {
			w.find(&x.record, "it is true as of %s, and tf_clock is %d, before that", x.asOf, x.clock)
		}
		position, clock = max(position, x.position), max(clock, x.clock)
		if looked[x.key]++; looked[x.key] <= 150 { // the rest of those of whom very much is said would take long
			w.checkTrue(x)
		}
	}
}

// checkTrue: after the touchpoints before its position, and at the instant for which it was computed, it was so; or before
// the last of them, for what time or a walk had changed is said as a part of the same step.
func (w *world) checkTrue(x *word) {
	h := w.people[x.key]
	if h == nil {
		w.find(&x.record, "customer %s is not known by any touchpoint", x.key)
		return
	}
	n, _ := slices.BinarySearch(h.offsets, x.position)
	m, _ := slices.BinarySearch(h.offsets, x.position-1)
	truth := w.rulesAt(x.partition, x.position).Facts(h.steps[:n], x.asOf)[x.fact]
	if truth != x.value && w.rulesAt(x.partition, x.position-1).Facts(h.steps[:m], x.asOf)[x.fact] != x.value {
		w.find(&x.record, "%s of %s was %v and not %v after %d touchpoints, at position %d and %s", x.fact, x.key, truth, x.value, n, x.position, x.asOf)
	}
}

// checkLastWords: the last word on every fact is what holds at the end, and what holds was said.
func (w *world) checkLastWords() {
	for name, h := range w.people {
		truth := w.rulesAt(shardOf(name, len(w.input)), math.MaxInt64).Facts(h.sent, w.end)
		for fact, value := range truth {
			if _, said := w.last[name][fact]; !said {
				w.find(nil, "nothing was ever said of %s of %s, which is %v", fact, name, value)
			}
		}
		for fact, x := range w.last[name] {
			if x.value != truth[fact] {
				w.find(&x.record, "the last word on %s of %s is %v, and the truth %v", fact, name, x.value, truth[fact])
			}
		}
	}
}

// checkParked: every poison is parked, for its reason, and nothing else is.
func (w *world) checkParked() {
	missing := maps.Clone(w.poison)
	for i := range w.parked {
		r := &w.parked[i]
		partition, err1 := strconv.ParseInt(r.headers["tf_parked_partition"], 10, 32)
		offset, err2 := strconv.ParseInt(r.headers["tf_parked_offset"], 10, 64)
		if err1 != nil || err2 != nil || r.headers["tf_parked_topic"] != w.topic {
			w.find(nil, "parked record %d does not name its origin", r.offset)
			continue
		}
		at := place(int32(partition), offset)
		reason, known := w.poison[at]
		if delete(missing, at); !known {
			w.find(nil, "the touchpoint at %s was parked as %s, and nothing is wrong with it", at, r.headers["tf_parked_reason"])
		} else if got := r.headers["tf_parked_reason"]; got != reason {
			w.find(nil, "the record at %s was parked as %s instead of %s", at, got, reason)
		}
	}
	for _, at := range slices.Sorted(maps.Keys(missing)) {
		w.find(nil, "the poison at %s (%s) was never parked", at, missing[at])
	}
}

// idKey is the secret of an app that was given none, as documented.
func idKey(app string) []byte {
	mac := hmac.New(sha256.New, []byte("touchfold statement ids"))
	mac.Write([]byte(app))
	return mac.Sum(nil)
}

// idOf is the id of the n-th statement on a customer's fact, as documented.
func idOf(key []byte, customer, fact string, n uint32) string {
	var b []byte
	for _, part := range []string{customer, fact} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(binary.BigEndian.AppendUint32(b, n))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// parse reads a statement.
func parse(r *record) (word, error) {
	var data struct {
		MessageID, UserID, AnonymousID string
		CRM                            struct {
			Fact              string
			Previous, Current any
			N                 uint32
			AsOf              time.Time `json:"as_of"`
		}
	}
	x := word{record: *r}
	if err := json.Unmarshal(r.value, &data); err != nil {
		return x, err
	}
	x.fact, x.n, x.asOf = data.CRM.Fact, data.CRM.N, data.CRM.AsOf
	x.previous, x.value = so(data.CRM.Previous), so(data.CRM.Current)
	var err1, err2 error
	x.position, err1 = strconv.ParseInt(r.headers["tf_position"], 10, 64)
	x.clock, err2 = strconv.ParseInt(r.headers["tf_clock"], 10, 64)
	if anonymous := "anon:" + data.AnonymousID; cmp.Or(data.UserID, anonymous) != r.key || r.headers["ce_subject"] != r.key {
		return x, fmt.Errorf("its key is %s and it is of %s%s", r.key, data.UserID, data.AnonymousID)
	}
	if data.MessageID != r.headers["ce_id"] {
		return x, fmt.Errorf("its messageId is %s and its ce_id %s", data.MessageID, r.headers["ce_id"])
	}
	return x, errors.Join(err1, err2)
}

// so is v, nil for false.
func so(v any) any {
	if v == false {
		return nil
	}
	return v
}
