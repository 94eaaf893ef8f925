// Package snapshot keeps snapshots of shards in a place that outlives the machine: a folder or an object store. As
// against package state/store, which knows what a snapshot holds, it knows where snapshots lie, which is the newest and
// which are kept. Its one rule: a snapshot that was put is never written over, and never deleted before a newer one was
// put and read back whole.
//
// A snapshot is called
//
//	<app>/<topic of derived events>/shard-<shard>/<output>-<input>-<producer>.<epoch>.snap
//
// by the positions in it. Output, the offset in that topic up to which what was said is known, orders them: the broker
// lets only one owner at a time append, so a greater one is the later one whoever the owner was. The epoch alone does
// not order them, for it begins again at 0 when the broker's coordinator has forgotten the producer; it is in the name,
// with the producer id, so that two owners never mean the same name. Input decides between those of one Output.
package snapshot

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"time"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/store"
)

// Meta is what is known of a snapshot without reading it.
type Meta struct {
	Name          string // in its place
	Shard         events.ShardID
	Output, Input events.Offset // its positions
	Producer      int64
	Epoch         int16
	Bytes         int64
	Put           time.Time // by the clock of the place
}

// compare orders snapshots of a shard, the newest first.
func (m Meta) compare(other Meta) int {
	return cmp.Or(cmp.Compare(other.Output, m.Output), cmp.Compare(other.Input, m.Input), cmp.Compare(other.Name, m.Name))
}

// nameOf is the name of a snapshot beneath its app's and topic's folder.
func nameOf(p *store.Positions) string {
	return fmt.Sprintf("%s/%020d-%020d-%d.%d.snap", shardFolder(p.Shard), p.Output, p.Input, p.Producer, p.Epoch)
}

func shardFolder(shard events.ShardID) string { return fmt.Sprintf("shard-%03d", shard) }

var nameForm = regexp.MustCompile(`^shard-(\d{3,9})/(\d{20})-(\d{20})-(-?\d{1,19})\.(-?\d{1,5})\.snap$`)

// metaOf reads an object's name. It is false for what is no snapshot.
func metaOf(folder string, o Object) (m Meta, ok bool) {
	if len(o.Name) <= len(folder) || o.Name[:len(folder)+1] != folder+"/" {
		return m, false
	}
	parts := nameForm.FindStringSubmatch(o.Name[len(folder)+1:])
	if parts == nil {
		return m, false
	}
	var numbers [5]int64
	for i := range numbers {
		var err error
		if numbers[i], err = strconv.ParseInt(parts[i+1], 10, []int{32, 64, 64, 64, 16}[i]); err != nil {
			return m, false
		}
	}
	return Meta{Name: o.Name, Shard: events.ShardID(numbers[0]), Output: events.Offset(numbers[1]), Input: events.Offset(numbers[2]),
		Producer: numbers[3], Epoch: int16(numbers[4]), Bytes: o.Bytes, Put: o.Put}, true
}

// Base is the name's last part, by which people name it.
func (m Meta) Base() string { return path.Base(m.Name) }
