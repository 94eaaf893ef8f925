package soak

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// owner is who may write on a partition: the producer that its last opened mark names.
type owner struct {
	producer int64
	epoch    int16
}

// readPartition reads a partition of the output in order. Nobody writes there but the owner of the last opened mark; every
// id stands once and follows from customer, fact and n; of each fact n counts on and every word begins where the last
// one ended.
func (w *world) readPartition(records []record, ids map[string]*record) {
	key := idKey(w.app)
	var now owner
	opened := false
	for i := range records {
		r := &records[i]
		kind, id := r.headers["ce_type"], r.headers["ce_id"]
		if first := ids[id]; first != nil {
			w.find(r, "ce_id %s stands twice, first at %d/%d", id, first.partition, first.offset)
		}
		ids[id] = r
		if strings.HasPrefix(kind, "touchfold.shard.") {
			w.marks[kind]++
			if kind == "touchfold.shard.opened.v1" {
				opened, now = true, owner{r.producer, r.epoch}
				w.checkOpened(r)
			}
			continue
		}
		if !opened || now != (owner{r.producer, r.epoch}) {
			w.find(r, "producer %d epoch %d speaks, and the owner is %d epoch %d", r.producer, r.epoch, now.producer, now.epoch)
		}
		x, err := parse(r)
		if err != nil {
			w.find(r, "a statement that cannot be read: %v", err)
			continue
		}
		w.words[r.partition] = append(w.words[r.partition], x)
		w.chain(&x, key)
	}
}

// checkOpened: the mark names the producer that wrote it.
func (w *world) checkOpened(r *record) {
	var data struct {
		ProducerID int64 `json:"producer_id"`
		Epoch      int16
	}
	if err := json.Unmarshal(r.value, &data); err != nil || data.ProducerID != r.producer || data.Epoch != r.epoch {
		w.find(r, "an opened mark names producer %d epoch %d, and %d epoch %d wrote it: %v", data.ProducerID, data.Epoch, r.producer, r.epoch, err)
	}
}

// chain holds a statement against the last one on the same fact.
func (w *world) chain(x *word, key []byte) {
	if want := shardOf(x.key, len(w.output)); x.partition != want {
		w.find(&x.record, "a statement of %s stands on partition %d instead of %d", x.key, x.partition, want)
	}
	if want := fmt.Sprint("touchfold/", w.app, "/", x.partition); x.headers["ce_source"] != want {
		w.find(&x.record, "ce_source is %q instead of %q", x.headers["ce_source"], want)
	}
	if want := idOf(key, x.key, x.fact, x.n); x.headers["ce_id"] != want {
		w.find(&x.record, "ce_id of the %d. statement on %s of %s is %s instead of %s", x.n, x.fact, x.key, x.headers["ce_id"], want)
	}
	if w.last[x.key] == nil {
		w.last[x.key] = map[string]word{}
	}
	before := w.last[x.key][x.fact]
	if x.n != before.n+1 {
		w.find(&x.record, "n of %s of %s is %d after %d", x.fact, x.key, x.n, before.n)
	}
	if x.previous != before.value {
		w.find(&x.record, "%s of %s says that %v was so before, and the last word was %v", x.fact, x.key, x.previous, before.value)
	}
	if x.value == before.value {
		w.find(&x.record, "%s of %s is said to be %v twice in a row", x.fact, x.key, x.value)
	}
	w.last[x.key][x.fact] = *x
	w.repeated(x)
}

// repeated: what was said and taken back is not said once more, since the same instant, if nothing of the customer's came in
// between and no rulebook did. The touchpoint that the former was said with may not have been folded by then.
func (w *world) repeated(x *word) {
	key := x.key + " " + x.fact
	for _, former := range w.said[key] {
		if former.value != x.value || former.headers["ce_time"] != x.headers["ce_time"] {
			continue
		}
		between := func(offset int64) bool { return former.position-1 <= offset && offset < x.position }
		h := w.people[x.key]
		if h != nil && !slices.ContainsFunc(h.offsets, between) &&
			!slices.ContainsFunc(w.ruled[x.partition], func(r ruled) bool { return between(r.offset) }) {
			w.find(&x.record, "%s of %s was said to be %v since %s at position %d, and nothing came since", x.fact, x.key, x.value,
				x.headers["ce_time"], former.position)
		}
	}
	w.said[key] = append(w.said[key], *x)
}

// around is the output about a violation.
func (w *world) around(v violation) string {
	if v.partition < 0 {
		return ""
	}
	records := w.output[v.partition]
	at := slices.IndexFunc(records, func(r record) bool { return r.offset == v.offset })
	var b strings.Builder
	for i := max(0, at-4); i < min(len(records), at+3); i++ {
		r, sign := &records[i], " "
		if i == at {
			sign = ">"
		}
		fmt.Fprintf(&b, "  %s %d/%d producer %d epoch %d position %s clock %s %s %s %s\n", sign, r.partition, r.offset, r.producer, r.epoch,
			r.headers["tf_position"], r.headers["tf_clock"], r.appended.Format("15:04:05.000"), r.headers["ce_type"], brief(r.value))
	}
	return b.String()
}

// brief is what a statement says, or all of a mark.
func brief(value []byte) string {
	if _, crm, ok := strings.Cut(string(value), `"crm":`); ok {
		return crm[:min(len(crm), 220)]
	}
	return string(value[:min(len(value), 220)])
}
