package kafka

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	kgo "github.com/segmentio/kafka-go"
	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
)

// drawMembers are members who hold what they like, also shards that do not exist, twice, and what others hold.
func drawMembers(t *rapid.T, most, shards int) []candidate {
	ms := make([]candidate, rapid.IntRange(1, most).Draw(t, "members"))
	for i := range ms {
		ms[i].id = fmt.Sprintf("id%d", i)
		ms[i].instance = rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "instance")
		for range rapid.IntRange(0, shards+1).Draw(t, "holds") {
			ms[i].held = append(ms[i].held, Held{
				Shard:    events.ShardID(rapid.IntRange(-1, shards).Draw(t, "shard")),
				Position: events.Offset(rapid.IntRange(0, 3).Draw(t, "position")),
				Owned:    rapid.Bool().Draw(t, "owned"),
				Opening:  rapid.Bool().Draw(t, "opening"),
			})
			h := &ms[i].held[len(ms[i].held)-1]
			h.Opening = h.Opening && !h.Owned // who is at work on it opens it no more
		}
	}
	return ms
}

// belongs is, told another way, with whom each shard belongs: an owner before others, then who opens it, then the
// furthest, of equals the first by instance and id.
// It is -1 for a shard that nobody has.
func belongs(ms []candidate, shards int) []int {
	to := make([]int, shards)
	for s := range to {
		to[s] = -1
		best := ""
		for i, m := range ms {
			for _, h := range m.held {
				rank := fmt.Sprintf("%t %t %09d %s %s", !h.Owned, !h.Opening, 999999999-h.Position, m.instance+" ", m.id)
				if int(h.Shard) == s && (best == "" || rank < best) {
					best, to[s] = rank, i
				}
			}
		}
	}
	return to
}

// fewestMoves tries all deals that are even.
func fewestMoves(home []int, members int) int {
	best := len(home) + 1
	to := make([]int, len(home))
	var try func(s, moves int)
	try = func(s, moves int) {
		if s < len(home) {
			for to[s] = range members {
				m := moves
				if home[s] >= 0 && home[s] != to[s] {
					m++
				}
				try(s+1, m)
			}
			return
		}
		n := make([]int, members)
		for _, m := range to {
			n[m]++
		}
		if slices.Max(n)-slices.Min(n) <= 1 {
			best = min(best, moves)
		}
	}
	try(0, 0)
	return best
}

// TestDeal: each shard goes to one member, evenly, with the fewest moves there can be; whoever asks in whatever order,
// and asked again, it stays so.
func TestDeal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shards := rapid.IntRange(0, 6).Draw(t, "shards")
		ms := drawMembers(t, 4, shards)
		dealt := deal(ms, shards)
		home, moves := belongs(ms, shards), 0
		seen := make([]int, shards)
		least, most := shards, 0
		for i, d := range dealt {
			least, most = min(least, len(d)), max(most, len(d))
			for _, s := range d {
				seen[s]++
				if home[s] >= 0 && home[s] != i {
					moves++
				}
			}
			if !slices.IsSorted(d) {
				t.Errorf("%v is not in order", d)
			}
		}
		if slices.ContainsFunc(seen, func(n int) bool { return n != 1 }) || most > least+1 {
			t.Fatalf("dealt as %v", dealt)
		}
		if fewest := fewestMoves(home, len(ms)); moves != fewest {
			t.Errorf("%d shards move where %d would do: %v, which belong with %v", moves, fewest, dealt, home)
		}

		order := rapid.Permutation(inOrder(ms)).Draw(t, "order")
		shuffled := make([]candidate, len(ms))
		for i, m := range order {
			shuffled[i] = ms[m]
		}
		for i, d := range deal(shuffled, shards) {
			if !slices.Equal(d, dealt[order[i]]) {
				t.Errorf("in another order member %s gets %v instead of %v", shuffled[i].id, d, dealt[order[i]])
			}
		}

		for i := range ms { // they take over what they were dealt, and keep the rest on their disks
			for _, s := range dealt[i] {
				ms[i].held = append(ms[i].held, Held{Shard: s, Position: 4, Owned: true})
			}
		}
		if again := deal(ms, shards); fmt.Sprint(again) != fmt.Sprint(dealt) {
			t.Errorf("dealt %v, and then %v", dealt, again)
		}
	})
}

// TestDealManyShards: the same where no brute force reaches: a member comes or goes, and no more than its share moves.
func TestDealManyShards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shards := rapid.IntRange(1, 200).Draw(t, "shards")
		ms := []candidate{{id: "m0"}}
		at := events.Offset(0)
		dealt := deal(ms, shards)
		for step := range rapid.IntRange(1, 12).Draw(t, "steps") {
			at++
			for i := range ms {
				ms[i].held = nil
				for _, s := range dealt[i] {
					ms[i].held = append(ms[i].held, Held{Shard: s, Position: at, Owned: true})
				}
			}
			before := owners(ms, dealt, shards)
			gone := ""
			if len(ms) > 1 && rapid.Bool().Draw(t, "leave") {
				i := rapid.IntRange(0, len(ms)-1).Draw(t, "who")
				gone = ms[i].id
				ms = slices.Delete(slices.Clone(ms), i, i+1)
			} else {
				ms = append(ms, candidate{id: fmt.Sprintf("m%d", step+1)})
			}
			dealt = deal(ms, shards)
			newcomers := 0
			for s, m := range owners(ms, dealt, shards) {
				if before[s] == m || before[s] == gone {
					continue
				}
				if gone != "" {
					t.Fatalf("shard %d moves from %s to %s, though %s left", s, before[s], m, gone)
				}
				newcomers++
			}
			if newcomers > shards/len(ms)+1 {
				t.Fatalf("%d of %d shards move to the newest of %d", newcomers, shards, len(ms))
			}
		}
	})
}

func owners(ms []candidate, dealt [][]events.ShardID, shards int) []string {
	out := make([]string, shards)
	for i, d := range dealt {
		for _, s := range d {
			out[s] = ms[i].id
		}
	}
	return out
}

// TestDealLeaving: who is leaving gets nothing, whatever it holds, and the others get what they would get without it; when
// it has left, while they are at work on some of that and wait for the rest, they keep it. Without the field nobody leaves.
func TestDealLeaving(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := balancer{topic: "t", shards: rapid.IntRange(1, 8).Draw(t, "shards")}
		ms := drawMembers(t, 5, b.shards)
		var all, stay []kgo.GroupMember
		member := func(m candidate, leaving bool) kgo.GroupMember {
			about, err := json.Marshal(About{Instance: m.instance, Held: m.held, Leaving: leaving})
			if err != nil {
				t.Fatal(err)
			}
			return kgo.GroupMember{ID: m.id, Topics: []string{"t"}, UserData: about}
		}
		leaving := map[string]bool{}
		for _, m := range ms {
			leaving[m.id] = rapid.Bool().Draw(t, "leaving")
			all = append(all, member(m, leaving[m.id]))
			if !leaving[m.id] {
				stay = append(stay, member(m, false))
			}
		}
		got, want := b.AssignGroups(all, nil), b.AssignGroups(stay, nil)
		dealt := 0
		for _, m := range ms {
			shards := got[m.id]["t"]
			dealt += len(shards)
			if topics, told := got[m.id]; !told || topics["t"] == nil || !slices.Equal(shards, want[m.id]["t"]) {
				t.Errorf("member %s, leaving %t, gets %v and not %v", m.id, leaving[m.id], got[m.id], want[m.id])
			}
		}
		if len(stay) > 0 && dealt != b.shards {
			t.Errorf("%d of %d shards are dealt", dealt, b.shards)
		}

		stay = nil
		for _, m := range ms {
			m.held = slices.DeleteFunc(m.held, func(h Held) bool { return h.Owned || h.Opening }) // there is one owner
			for _, s := range got[m.id]["t"] {
				open := rapid.Bool().Draw(t, "open")
				m.held = append(m.held, Held{Shard: events.ShardID(s), Owned: open, Opening: !open})
			}
			if !leaving[m.id] || rapid.Bool().Draw(t, "still there") {
				stay = append(stay, member(m, leaving[m.id]))
			}
		}
		for id, topics := range b.AssignGroups(stay, nil) {
			if !slices.Equal(topics["t"], got[id]["t"]) {
				t.Errorf("member %s gets %v, and then %v", id, got[id]["t"], topics["t"])
			}
		}
	})
}

// TestDealToOlderState: what cannot stay with the furthest goes to whom has an older state of it, though another has
// less to do.
func TestDealToOlderState(t *testing.T) {
	a := candidate{id: "a", held: []Held{{Shard: 0, Position: 9}, {Shard: 1, Position: 9}, {Shard: 2, Position: 9}, {Shard: 3, Position: 9}}}
	b := candidate{id: "b"}
	c := candidate{id: "c", held: []Held{{Shard: 2, Position: 5}, {Shard: 0, Position: 4}, {Shard: 4, Position: 1}}}
	if got := fmt.Sprint(deal([]candidate{a, b, c}, 6)); got != "[[0 1] [3 5] [2 4]]" {
		t.Errorf("dealt %s", got)
	}
}

// TestAssignGroups: a member that cannot be read gets its share like the others, one of another topic gets nothing, and
// partitions that were added are assigned to nobody.
func TestAssignGroups(t *testing.T) {
	b := balancer{topic: "t", shards: 6, about: func() About {
		return About{Instance: "a", Held: []Held{{Shard: 0}, {Shard: 1}, {Shard: 2}, {Shard: 3}, {Shard: 4}, {Shard: 5}}}
	}}
	a, err := b.UserData()
	if err != nil {
		t.Fatal(err)
	}
	members := []kgo.GroupMember{{ID: "1", Topics: []string{"t"}, UserData: a}, {ID: "2", Topics: []string{"t"}, UserData: []byte(`{"held":[{"sh`)},
		{ID: "3", Topics: []string{"t"}}, {ID: "4", Topics: []string{"another"}}, {ID: "5", Topics: []string{"t"}, UserData: []byte(`{"held":7}`)}}
	for _, partitions := range [][]kgo.Partition{nil, {{Topic: "t", ID: 0}}, {{Topic: "t", ID: 11}, {Topic: "another", ID: 3}}} {
		n := map[int]int{}
		got := b.AssignGroups(members, partitions)
		for id, topics := range got {
			if len(topics) != 1 || len(topics["t"]) < 1 || len(topics["t"]) > 2 {
				t.Errorf("member %s gets %v", id, topics)
			}
			for _, p := range topics["t"] {
				n[p]++
			}
		}
		if len(got) != 4 || fmt.Sprint(n) != "map[0:1 1:1 2:1 3:1 4:1 5:1]" || got["4"] != nil {
			t.Errorf("assigned %v", got)
		}
		if !slices.Equal(got["1"]["t"], []int{0, 1}) {
			t.Errorf("who has all keeps %v of %v", got["1"], slices.Sorted(maps.Keys(n)))
		}
	}
}
