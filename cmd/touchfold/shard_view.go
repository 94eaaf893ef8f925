package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/store"
)

// shardView is what is shown of a shard.
type shardView struct {
	Shard    events.ShardID `json:"shard"`
	Store    *storeView     `json:"store,omitempty"`
	NoStore  string         `json:"no_store,omitempty"` // why there is none to be shown
	Snapshot *snapshotView  `json:"snapshot,omitempty"` // the newest
	Input    topicView      `json:"input"`
	Output   topicView      `json:"output"`
	Owner    *ownerView     `json:"owner,omitempty"`
	Holders  []string       `json:"holders,omitempty"`  // members that say that they hold it
	Assigned string         `json:"assigned,omitempty"` // the member that is to hold it
	Living   string         `json:"living,omitempty"`   // why an owner may live
	GoesOn   bool           `json:"goes_on"`            // nothing is known for which a take-over would stop
	Stops    string         `json:"stops,omitempty"`    // why it would
}

type storeView struct {
	Dir          string        `json:"dir"`
	Bytes        int64         `json:"bytes"`
	Input        events.Offset `json:"input"`  // the next touchpoint to be folded
	Output       events.Offset `json:"output"` // where the next derived event will stand
	Clock        string        `json:"clock"`
	SaidPosition events.Offset `json:"said_position"`
	SaidClock    string        `json:"said_clock"`
	Speaking     bool          `json:"speaking"`
	MuteUntil    events.Offset `json:"mute_until"` // of a first start or a reset; -1: it was not mute
	Walk         *walkView     `json:"walk,omitempty"`
	Rulebook     string        `json:"rulebook"`
	ProducerID   int64         `json:"producer_id"`
	Epoch        int16         `json:"epoch"`
	Retired      []int64       `json:"retired,omitempty"` // producer ids
}

// walkView is a pass over all customers that is under way.
type walkView struct {
	After string `json:"after"` // the last one visited
	Cause string `json:"cause,omitempty"`
}

type snapshotView struct {
	Name   string        `json:"name"`
	Input  events.Offset `json:"input"`
	Output events.Offset `json:"output"`
}

type topicView struct {
	Topic string        `json:"topic"`
	First events.Offset `json:"first"`
	End   events.Offset `json:"end"`
	// Lag is how many records the local store has not read, else the group; -1: neither is known.
	Lag events.Offset `json:"lag"`
}

type ownerView struct {
	Instance   string        `json:"instance"`
	At         string        `json:"at"`
	Offset     events.Offset `json:"offset"`
	ProducerID int64         `json:"producer_id"`
	Epoch      int16         `json:"epoch"`
	Rulebook   string        `json:"rulebook"`
	Heard      string        `json:"heard"` // when it wrote last
	Released   bool          `json:"released"`
}

func viewShard(c *config.Config, l *processor.Look) *shardView {
	v := &shardView{Shard: l.Shard, Holders: l.Holders, Assigned: l.Assigned,
		Input: viewTopic(c.Topics.Touchpoints, l.Input, l.Committed), Output: viewTopic(c.Topics.Events, l.Output, -1)}
	if l.Store != nil {
		v.Store = viewStore(l.Store, processor.StoreDir(c.Store.Dir, l.Shard), l.StoreBytes)
		v.Input.Lag, v.Output.Lag = l.Input.End-l.Store.Input, l.Output.End-l.Store.Output
	}
	if l.Newest != nil {
		v.Snapshot = &snapshotView{l.Newest.Name, l.Newest.Input, l.Newest.Output}
	}
	if m := l.Owner.Opened; m != nil {
		v.Owner = &ownerView{m.Instance, m.At.String(), l.Owner.At, m.ProducerID, m.Epoch, m.Rulebook, l.Owner.Heard.String(), l.Owner.Released}
	}
	v.NoStore, v.Living, v.Stops = text(l.NoStore), text(l.Living), text(l.Stops)
	v.GoesOn = l.Stops == nil
	return v
}

// text is an error's, "" of nil.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func viewTopic(name string, r kafka.Range, read events.Offset) topicView {
	v := topicView{name, r.First, r.End, -1}
	if read >= 0 {
		v.Lag = r.End - read
	}
	return v
}

func viewStore(at *store.Positions, dir string, bytes int64) *storeView {
	v := &storeView{dir, bytes, at.Input, at.Output, at.Clock.String(), at.SaidPosition, at.SaidClock.String(), at.Speaking, at.MuteUntil,
		nil, "", at.Producer, at.Epoch, at.ProducerIDs}
	if at.Walk.Active {
		v.Walk = &walkView{string(at.Walk.After), string(at.Walk.Cause)}
	}
	if b, err := rulebook.Parse(at.Rulebook); err == nil {
		v.Rulebook = b.Name()
	}
	return v
}

// write writes it for a person.
func (v *shardView) write(w io.Writer, between bool) error {
	if between {
		fmt.Fprintln(w)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "shard\t%d\n", v.Shard)
	v.writeStore(t)
	if s := v.Snapshot; s != nil {
		fmt.Fprintf(t, "snapshot\t%s, at position %d, output %d\n", s.Name, s.Input, s.Output)
	}
	for _, x := range []struct {
		name string
		topicView
	}{{"input", v.Input}, {"output", v.Output}} {
		fmt.Fprintf(t, "%s\t%s, offsets %d to %d", x.name, x.Topic, x.First, x.End)
		if x.Lag >= 0 {
			fmt.Fprintf(t, ", %d not read yet", x.Lag)
		}
		fmt.Fprintln(t)
	}
	if o := v.Owner; o != nil {
		fmt.Fprintf(t, "opened\t%s by %s, at offset %d, producer %d, epoch %d, rulebook %s\n", o.At, o.Instance, o.Offset, o.ProducerID, o.Epoch, o.Rulebook)
		fmt.Fprintf(t, "released\t%s, last heard of %s\n", map[bool]string{true: "yes", false: "no"}[o.Released], o.Heard)
	} else {
		fmt.Fprint(t, "opened\tnever, as far as the output tells\n")
	}
	fmt.Fprintf(t, "group\tassigned to %s; held, as told when last joining, by %s\n", cmp.Or(v.Assigned, "nobody"),
		cmp.Or(strings.Join(v.Holders, ", "), "nobody"))
	fmt.Fprintf(t, "owner\t%s\n", cmp.Or(v.Living, "none lives"))
	fmt.Fprintf(t, "take-over\t%s\n", cmp.Or(v.Stops, "would go on"))
	return t.Flush()
}

func (v *shardView) writeStore(t io.Writer) {
	s := v.Store
	if s == nil {
		fmt.Fprintf(t, "store\t%s\n", v.NoStore)
		return
	}
	fmt.Fprintf(t, "store\t%s, %s\n", s.Dir, megabytes(s.Bytes))
	fmt.Fprintf(t, "position\tinput %d, output %d, clock %s\n", s.Input, s.Output, s.Clock)
	fmt.Fprintf(t, "said\tup to position %d, clock %s\n", s.SaidPosition, s.SaidClock)
	if s.Speaking {
		fmt.Fprint(t, "speaks\tyes\n")
	} else {
		fmt.Fprintf(t, "speaks\tno, mute up to position %d\n", s.MuteUntil)
	}
	if s.Walk != nil {
		fmt.Fprintf(t, "walk\tover all customers, after %q\n", s.Walk.After)
	}
	fmt.Fprintf(t, "rulebook\t%s\n", cmp.Or(s.Rulebook, "cannot be read"))
	fmt.Fprintf(t, "producer\t%d, epoch %d, retired %v\n", s.ProducerID, s.Epoch, s.Retired)
}

// writePlan says what a reset does, in words for whom it concerns.
func writePlan(w io.Writer, c *config.Config, r *processor.Reset) error {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, "- "+format+"\n", args...) }
	fmt.Fprintf(&b, "A reset of shard %d:\n", r.Shard)
	if r.Stops != nil {
		say("Why: %v.", r.Stops)
	} else {
		say("Why: for nothing that is known. The next take-over would go on as it is.")
	}
	if n := r.Input.End - r.Input.First; n == 0 {
		say("There is no touchpoint left in partition %d of %s: all facts of its customers are taken back.", r.Shard, c.Topics.Touchpoints)
	} else {
		say("The touchpoints in partition %d of %s, offsets %d to %d, are folded again. What followed from others is forgotten: "+
			"facts that need them are taken back.", r.Shard, c.Topics.Touchpoints, r.Input.First, r.Input.End)
	}
	say("The derived events in partition %d of %s, offsets %d to %d, count as said, and no others. Of facts of which some are lost, "+
		"consumers may hear again what they know, under ids that they know, and the number n may go back.",
		r.Shard, c.Topics.Events, r.Output.First, r.Output.End)
	say("Up to offset %d nothing is said, and then once what is true and was not said. Occurrences up to there are not said any more.", r.Input.End)
	if r.Foreign {
		say("The rulebook that was in force (%s) is nowhere to be had. That of this configuration takes its place, in this shard only: "+
			"put one in force for all with touchfold rules activate.", r.Owner.Opened.Rulebook)
	} else {
		say("It begins with rulebook %s.", r.Rulebook)
	}
	if r.Store != nil {
		say("The local store, at position %d, is set aside, not removed.", r.Store.Input)
	}
	for _, m := range r.Doomed {
		say("The snapshot %s is set aside under another name.", m.Name)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
