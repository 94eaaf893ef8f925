package kafka

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	kgo "github.com/segmentio/kafka-go"

	"github.com/touchfold/touchfold/events"
)

// About is what an instance tells the others of its group when it joins.
type About struct {
	Instance string `json:"instance"`          // unique among the living
	Address  string `json:"address,omitempty"` // host:port where it answers queries
	Version  string `json:"version,omitempty"` // of the program
	Leaving  bool   `json:"leaving,omitempty"` // it is stopping: the others are to own its shards as it releases them
	Held     []Held `json:"held,omitempty"`    // whose state it has
}

// Held is a shard whose state an instance has, or is to have, and how far that goes: its position in the input. Owned is
// whether the instance is at work on it, and does not only have it on its disk; Opening, whether it will be: it waits for the
// shard's release, or takes it over.
type Held struct {
	Shard    events.ShardID `json:"shard"`
	Position events.Offset  `json:"position"`
	Owned    bool           `json:"owned,omitempty"`
	Opening  bool           `json:"opening,omitempty"`
}

// better is whether a shard should rather be with whom has h than with whom has other.
func (h Held) better(other Held) bool {
	if h.Owned != other.Owned {
		return h.Owned
	}
	if h.Opening != other.Opening {
		return h.Opening
	}
	return h.Position > other.Position
}

// balancerName names the balancer and the form of About: two that differ must not meet in one group.
const balancerName = "touchfold-1"

// balancer leaves shards where their state is. It is kafka-go's GroupBalancer; deal decides.
type balancer struct {
	topic  string
	shards int
	about  func() About
}

// ProtocolName is kgo.GroupBalancer.
func (balancer) ProtocolName() string { return balancerName }

// UserData is kgo.GroupBalancer.
func (b balancer) UserData() ([]byte, error) { return json.Marshal(b.about()) }

// AssignGroups is kgo.GroupBalancer. Who is leaving gets nothing. The partitions of the moment do not matter: the number of
// shards is pinned.
func (b balancer) AssignGroups(members []kgo.GroupMember, _ []kgo.Partition) kgo.GroupMemberAssignments {
	var ms []candidate
	out := make(kgo.GroupMemberAssignments)
	for _, m := range members {
		if !slices.Contains(m.Topics, b.topic) {
			continue
		}
		about, _ := readAbout(m.UserData) // of whom nothing can be read, nothing is known
		if about.Leaving {
			out[m.ID] = map[string][]int{b.topic: {}}
		} else {
			ms = append(ms, candidate{id: m.ID, instance: about.Instance, held: about.Held})
		}
	}
	for i, shards := range deal(ms, b.shards) {
		ids := make([]int, len(shards))
		for j, s := range shards {
			ids[j] = int(s)
		}
		out[ms[i].id] = map[string][]int{b.topic: ids}
	}
	return out
}

func readAbout(userData []byte) (About, error) {
	var a About
	if err := json.Unmarshal(userData, &a); err != nil {
		return About{}, fmt.Errorf("read what a member of the group says of itself: %w", err)
	}
	return a, nil
}

// candidate is a member among whom shards are dealt out.
type candidate struct {
	id       string // the coordinator's, unique
	instance string
	held     []Held
}

// deal says by member which of n shards it is to own, in order of number. Each shard goes to one member, and no member
// gets two more than another. A shard belongs with its owner, else with whom opens it, else with whom has its state
// furthest; of all deals as even as that, this is one in which the fewest shards go elsewhere. Those that must, go to whom
// has an older state of them, if there is room, else to whom has the least. The order of the members does not matter.
func deal(members []candidate, n int) [][]events.ShardID {
	dealt := make([][]events.ShardID, len(members))
	if len(members) == 0 {
		return dealt
	}
	holders := holdersOf(members, n)
	best := make([][]events.ShardID, len(members)) // by member: what belongs with it
	for s, hs := range holders {
		if len(hs) > 0 {
			best[hs[0]] = append(best[hs[0]], events.ShardID(s))
		}
	}
	room := quotas(members, best, n)
	var rest []events.ShardID
	for s, hs := range holders {
		if len(hs) > 0 && len(dealt[hs[0]]) < room[hs[0]] {
			dealt[hs[0]] = append(dealt[hs[0]], events.ShardID(s))
		} else {
			rest = append(rest, events.ShardID(s))
		}
	}
	order := inOrder(members)
	for _, s := range rest {
		to := -1
		for _, m := range append(slices.Clone(holders[s]), order...) {
			if len(dealt[m]) == room[m] {
				continue
			}
			if slices.Contains(holders[s], m) {
				to = m
				break
			}
			if to < 0 || len(dealt[m]) < len(dealt[to]) {
				to = m
			}
		}
		dealt[to] = append(dealt[to], s)
	}
	for _, d := range dealt {
		slices.Sort(d)
	}
	return dealt
}

// holdersOf gives by shard the members that have its state, the best first.
func holdersOf(members []candidate, n int) [][]int {
	holders := make([][]int, n)
	has := make([]map[int]Held, n) // by shard and member
	for _, m := range inOrder(members) {
		for _, h := range members[m].held {
			if h.Shard < 0 || int(h.Shard) >= n {
				continue
			}
			s := h.Shard
			if has[s] == nil {
				has[s] = make(map[int]Held)
			}
			before, twice := has[s][m]
			if !twice {
				holders[s] = append(holders[s], m)
			}
			if !twice || h.better(before) {
				has[s][m] = h
			}
		}
	}
	for s, hs := range holders {
		slices.SortStableFunc(hs, func(a, b int) int {
			switch {
			case has[s][a].better(has[s][b]):
				return -1
			case has[s][b].better(has[s][a]):
				return 1
			}
			return 0
		})
	}
	return holders
}

// quotas gives by member how many of n shards it gets. Where they differ, the larger go to those with whom the most
// belong: that keeps the most.
func quotas(members []candidate, best [][]events.ShardID, n int) []int {
	order := inOrder(members)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(best[b]), len(best[a])) })
	q := make([]int, len(members))
	for i, m := range order {
		q[m] = n / len(members)
		if i < n%len(members) {
			q[m]++
		}
	}
	return q
}

// inOrder are the members' indices in an order that depends on nothing but who they are.
func inOrder(members []candidate) []int {
	order := make([]int, len(members))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(members[a].instance, members[b].instance), cmp.Compare(members[a].id, members[b].id))
	})
	return order
}
