package soak

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchfold/touchfold/processor/rehearsal/oracle"
)

const redShards = 2

// redEnd is when the small world of these tests ends.
var redEnd = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// smallWorld is what the feed draws, and the output of a program that makes no mistake and asks the naive fold after every
// touchpoint.
func smallWorld(t *testing.T, n int) *world {
	t.Helper()
	w := &world{app: "small", topic: "in", end: redEnd, input: make([][]record, redShards), output: make([][]record, redShards),
		rules: variants[0].in(time.UTC)}
	f := newFeed(1, redEnd.Add(-time.Duration(n)*time.Second), 1, 60, poisons())
	for i := range n {
		w.write(f.next(), redEnd.Add(time.Duration(i-n)*time.Second))
	}
	w.people, w.poison, w.ruled = map[string]*history{}, map[string]string{}, make([][]ruled, redShards)
	if w.readInput(); len(w.found) > 0 {
		t.Fatal(w.found)
	}
	for p := range w.output {
		w.output[p] = append(w.output[p], record{partition: int32(p), producer: 7, epoch: 1, headers: map[string]string{
			"ce_type": "touchfold.shard.opened.v1", "ce_id": fmt.Sprint("opened", p)}, value: []byte(`{"producer_id":7,"epoch":1}`)})
		w.speak(int32(p))
	}
	return w
}

// write appends a touchpoint, and what forwards it.
func (w *world) write(t touch, at time.Time) {
	r := record{partition: int32(t.draw % redShards), appended: at, key: t.customer, value: t.value,
		headers: map[string]string{marking: strings.TrimSpace(fmt.Sprint(t.sequence, " ", t.poison))}}
	for _, h := range t.headers {
		r.headers[h[0]] = h[1]
	}
	own := shardOf(t.customer, redShards)
	if t.customer != "" && !t.astray {
		r.partition = own
	}
	r.offset = int64(len(w.input[r.partition]))
	w.input[r.partition] = append(w.input[r.partition], r)
	switch origin := r; {
	case t.poison != "":
		w.parked = append(w.parked, record{headers: map[string]string{"tf_parked_topic": w.topic, "tf_parked_reason": t.poison,
			"tf_parked_partition": fmt.Sprint(r.partition), "tf_parked_offset": fmt.Sprint(r.offset)}})
	case r.partition != own:
		r.partition, r.offset, r.headers = own, int64(len(w.input[own])), maps.Clone(r.headers)
		r.headers["tf_origin_topic"], r.headers["tf_origin_partition"] = w.topic, fmt.Sprint(origin.partition)
		r.headers["tf_origin_offset"], r.headers["tf_origin_append"] = fmt.Sprint(origin.offset), fmt.Sprint(at.UnixMilli())
		w.input[own] = append(w.input[own], r)
	}
}

// speak writes the output of a partition.
func (w *world) speak(p int32) {
	var all []*word
	for name, h := range w.people {
		said, n := map[string]any{}, map[string]uint32{}
		for i, offset := range h.offsets {
			at := w.input[p]
			if shardOf(name, redShards) != p {
				break
			}
			clock := at[offset].appended
			truth := w.rules.Facts(h.steps[:i+1], clock)
			for _, fact := range []string{"lifecycle", "segment/vip", "segment/high_frequency", "segment/potential", "segment/churn_risk"} {
				if truth[fact] == said[fact] {
					continue
				}
				n[fact]++
				x := word{fact: fact, previous: said[fact], value: truth[fact], n: n[fact], position: offset + 1, clock: clock.UnixMilli(), asOf: clock}
				x.key = name
				all = append(all, &x)
				said[fact] = truth[fact]
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *word) int { return int(a.position - b.position) })
	for _, x := range all {
		x.partition, x.offset = p, int64(len(w.output[p]))
		w.output[p] = append(w.output[p], x.encode(w.app))
	}
}

// encode is the record of a statement.
func (x *word) encode(app string) record {
	r := x.record
	r.producer, r.epoch = 7, 1
	id := idOf(idKey(app), x.key, x.fact, x.n)
	r.headers = map[string]string{"ce_type": "crm.lifecycle.changed.v1", "ce_id": id, "ce_subject": x.key,
		"ce_source": fmt.Sprint("touchfold/", app, "/", x.partition),
		"ce_time":   text(x.asOf), "tf_position": fmt.Sprint(x.position), "tf_clock": fmt.Sprint(x.clock)}
	who := "userId"
	if strings.HasPrefix(x.key, "anon:") {
		who = "anonymousId"
	}
	r.value, _ = json.Marshal(map[string]any{"messageId": id, who: strings.TrimPrefix(x.key, "anon:"),
		"crm": map[string]any{"fact": x.fact, "previous": x.previous, "current": x.value, "n": x.n, "as_of": x.asOf}})
	return r
}

func TestCheckerAcceptsWhatIsRight(t *testing.T) {
	w := smallWorld(t, 800)
	for _, v := range w.check() {
		t.Errorf("%d/%d: %s\n%s", v.partition, v.offset, v.text, w.around(v))
	}
	said := 0
	for _, words := range w.words {
		said += len(words)
	}
	t.Logf("%d customers, %d statements, %d poisons", len(w.people), said, len(w.poison))
	if said < 200 || len(w.poison) < 4 {
		t.Error("that is too little to find anything in")
	}
}

// TestCheckerFindsWhatIsWrong doctors an output in one way after another.
func TestCheckerFindsWhatIsWrong(t *testing.T) {
	right := smallWorld(t, 300)
	if found := right.clone().check(); len(found) > 0 {
		t.Fatalf("%d found before anything is wrong: %v", len(found), found[0])
	}
	for _, c := range doctored {
		t.Run(c.name, func(t *testing.T) {
			w := right.clone()
			c.doctor(w)
			found := w.check()
			if len(found) == 0 {
				t.Fatal("nothing is found")
			}
			if !slices.ContainsFunc(found, func(v violation) bool { return strings.Contains(v.text, c.find) }) {
				t.Errorf("what is found says nothing of %q: %s", c.find, found[0].text)
			}
		})
	}
}

// doctored are the ways to make a right output wrong, with what is to be found then.
var doctored = []struct {
	name, find string
	doctor     func(w *world)
}{
	{"a record twice", "stands twice", func(w *world) { w.output[0] = append(w.output[0], w.output[0][5]) }},
	{"a forged id", "ce_id of the", func(w *world) {
		id := w.output[0][5].headers["ce_id"]
		w.output[0][5].value = []byte(strings.Replace(string(w.output[0][5].value), id, "f00d", 1))
		w.output[0][5].headers["ce_id"] = "f00d"
	}},
	{"two ids", "its messageId is", func(w *world) { w.output[0][5].headers["ce_id"] = "0" }},
	{"no n", "after", func(w *world) { w.again(0, 5, func(x *word) { x.n = 0 }) }},
	{"a skipped n", "after", func(w *world) { w.again(0, 5, func(x *word) { x.n++ }) }},
	{"a statement missing", "", func(w *world) { w.check(); w.remove0(w.superseded(0)) }},
	{"the last word missing", "", func(w *world) { w.remove0(w.last0()) }},
	{"all that was said of a customer missing", "nothing was ever said", func(w *world) {
		name := w.output[0][w.last0()].key
		w.output[0] = slices.DeleteFunc(w.output[0], func(r record) bool { return r.key == name })
	}},
	{"a wrong last word", "the last word on", func(w *world) { w.again(0, w.last0(), func(x *word) { x.value = "lapsed at last" }) }},
	{"the same said twice", "twice in a row", func(w *world) {
		x, _ := parse(&w.output[0][w.last0()])
		x.n, x.previous, x.offset = x.n+1, x.value, x.offset+1
		w.output[0] = append(w.output[0], x.encode(w.app))
	}},
	{"taken back and said again", "and nothing came since", func(w *world) {
		w.again(0, w.last0(), func(x *word) { x.position += 1000 })
		x, _ := parse(&w.output[0][w.last0()])
		for range 2 {
			x.n, x.previous, x.value, x.offset = x.n+1, x.value, x.previous, x.offset+1
			w.output[0] = append(w.output[0], x.encode(w.app))
		}
	}},
	{"another previous", "was so before", func(w *world) { w.again(0, 5, func(x *word) { x.previous = "stranger" }) }},
	{"a position that goes back", "tf_position goes back", func(w *world) { w.again(0, w.last0(), func(x *word) { x.position = 1 }) }},
	{"a clock that goes back", "tf_clock goes back", func(w *world) { w.again(0, w.last0(), func(x *word) { x.clock -= 1e9 }) }},
	{"no clock", "before that", func(w *world) {
		for i := 1; i < len(w.output[0]); i++ {
			w.again(0, i, func(x *word) { x.clock = 0 })
		}
	}},
	{"no position", "cannot be read", func(w *world) { delete(w.output[0][5].headers, "tf_position") }},
	{"a zombie", "speaks, and the owner is", func(w *world) { w.output[0][5].epoch = 0 }},
	{"a foreign writer", "speaks, and the owner is", func(w *world) { w.output[0][5].producer = 8 }},
	{"a mark of somebody else", "an opened mark names", func(w *world) { w.output[0][0].epoch = 3 }},
	{"said before it was so", "touchpoints, at position", func(w *world) {
		for i := 1; i < len(w.output[0]); i++ {
			w.again(0, i, func(x *word) { x.position = 0 })
		}
	}},
	{"on a wrong partition", "instead of", func(w *world) {
		x := w.output[0][5]
		x.partition = 1
		w.output[1] = append(w.output[1], x)
		w.remove0(5)
	}},
	{"a rulebook that is not obeyed", "", func(w *world) {
		w.input[0] = append(w.input[0], record{offset: 1e6, headers: map[string]string{"ce_type": "touchfold.rulebook.v1"},
			value: encode(map[string]any{"serial": 1, "settings": variants[1].settings()})})
	}},
	{"not parked", "was never parked", func(w *world) { w.parked = w.parked[1:] }},
	{"parked for another reason", "instead of", func(w *world) { w.parked[0].headers["tf_parked_reason"] = "whim" }},
	{"parked without a reason", "nothing is wrong with it", func(w *world) {
		w.parked = append(w.parked, record{headers: maps.Clone(w.parked[0].headers)})
		w.parked[len(w.parked)-1].headers["tf_parked_offset"] = "100000"
	}},
	{"not forwarded", "were never forwarded", func(w *world) {
		w.input[0] = slices.DeleteFunc(w.input[0], func(r record) bool { return r.headers["tf_origin_topic"] != "" })
	}},
}

// again changes a word and writes its record anew.
func (w *world) again(p, i int, change func(x *word)) {
	x, err := parse(&w.output[p][i])
	if err != nil {
		panic(err) // it was read before
	}
	change(&x)
	w.output[p][i] = x.encode(w.app)
}

// last0 is the index of partition 0's last record, remove0 takes one out.
func (w *world) last0() int { return len(w.output[0]) - 1 }

func (w *world) remove0(i int) { w.output[0] = slices.Delete(w.output[0], i, i+1) }

// clone is a copy of what can be seen.
func (w *world) clone() *world {
	c := &world{app: w.app, topic: w.topic, rules: w.rules, end: w.end, parked: cloned(w.parked)}
	for p := range w.input {
		c.input, c.output = append(c.input, cloned(w.input[p])), append(c.output, cloned(w.output[p]))
	}
	return c
}

func cloned(records []record) []record {
	all := slices.Clone(records)
	for i := range all {
		all[i].headers = maps.Clone(all[i].headers)
	}
	return all
}

// superseded is a statement of partition p that was not the last on its fact.
func (w *world) superseded(p int) int {
	for i, x := range w.words[p] {
		if w.last[x.key][x.fact].n > x.n {
			return i + 1 // the first record is the mark
		}
	}
	panic("every fact was said once only")
}

// TestNaiveFold holds the naive fold against stories reckoned by hand.
func TestNaiveFold(t *testing.T) {
	rules := variants[0].in(time.UTC)
	at := func(days int) string { return text(redEnd.AddDate(0, 0, -days)) }
	order := func(days int, id, more string) string {
		return fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":%q,"userId":"c","timestamp":%q,"properties":{"order_id":"o%s",%s}}`, id, at(days), id, more)
	}
	for _, c := range []struct {
		name   string
		values []string
		want   map[string]any
	}{
		{"nothing", nil, map[string]any{}},
		{"a view", []string{`{"type":"track","event":"Product Viewed","userId":"c","timestamp":"2026-11-01T00:00:00Z","properties":{}}`},
			map[string]any{"lifecycle": "prospect"}},
		{"one order", []string{order(3, "1", `"total":10`)}, map[string]any{"lifecycle": "customer", "segment/potential": true}},
		{"one order, long ago", []string{order(11, "1", `"total":10`)},
			map[string]any{"lifecycle": "lapsed", "segment/potential": true, "segment/churn_risk": true}},
		{"much money", []string{order(3, "1", `"total":800`), order(3, "2", `"total":"700.01"`)},
			map[string]any{"lifecycle": "customer", "segment/potential": true, "segment/vip": true}},
		{"a copy with less money, earlier", []string{order(3, "1", `"total":800`), order(3, "2", `"total":"700.01"`), order(4, "2", `"total":1`)},
			map[string]any{"lifecycle": "repeat", "segment/potential": true}},
		{"three days", []string{order(3, "1", `"total":1`), order(5, "2", `"total":1`), order(364, "3", `"total":1`)},
			map[string]any{"lifecycle": "repeat", "segment/high_frequency": true}},
		{"a day too long ago", []string{order(3, "1", `"total":1`), order(5, "2", `"total":1`), order(365, "3", `"total":1`)},
			map[string]any{"lifecycle": "repeat"}},
		{"won back", []string{order(3, "1", `"total":1`), order(300, "2", `"total":1`)}, map[string]any{"lifecycle": "won_back"}},
	} {
		var all []oracle.Touchpoint
		for i, v := range c.values {
			one, err := rules.Decode(oracle.Record{Topic: "in", Offset: int64(i), Append: redEnd, Value: []byte(v)})
			if err != nil || one.Customer != "c" {
				t.Fatalf("%s: %v of %q", c.name, err, one.Customer)
			}
			all = append([]oracle.Touchpoint{one}, all...)
		}
		if got := rules.Facts(all, redEnd); !maps.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// TestFeedRepeats: the same seed draws the same.
func TestFeedRepeats(t *testing.T) {
	a, b := newFeed(3, redEnd, 100, 500, poisons()), newFeed(3, redEnd, 100, 500, poisons())
	kinds := map[string]int{}
	for range 5000 {
		x, y := a.next(), b.next()
		if string(x.value) != string(y.value) || fmt.Sprint(x.headers, x.customer, x.poison, x.astray) != fmt.Sprint(y.headers, y.customer, y.poison, y.astray) {
			t.Fatalf("touchpoint %d differs:\n%s\n%s", x.sequence, x.value, y.value)
		}
		kinds[x.poison]++
	}
	if n := 5000 - kinds[""]; n < 20 || n > 100 {
		t.Errorf("%d poisons of 5000 touchpoints", n)
	}
}
