package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/wire"
)

// Format is the number of the format that this package reads and writes. It rises when an older program could not go on
// with a store; a new field does not raise it.
const Format = 4

// Genesis is what a store was made for. It never changes.
type Genesis struct {
	Format             int
	App, Input, Output string // the app and its topics
	Shard              events.ShardID
	Shards             int // how many there are: partitions of either topic
}

// Check compares what is wanted with what a store holds. The error is a sentence.
func (g Genesis) Check(stored Genesis) error {
	differ := func(what string, stored, wanted any) error {
		return fmt.Errorf("the store was made for %s %v, and this process has %v: give it the configuration that it was made with, or another store.dir",
			what, stored, wanted)
	}
	switch {
	case stored.Format != g.Format:
		return differ("format", stored.Format, g.Format)
	case stored.App != g.App:
		return differ("app", stored.App, g.App)
	case stored.Input != g.Input:
		return differ("touchpoints in topic", stored.Input, g.Input)
	case stored.Output != g.Output:
		return differ("derived events in topic", stored.Output, g.Output)
	case stored.Shards != g.Shards:
		return fmt.Errorf("the store was made for %d shards, and the topics have %d partitions now: a customer's shard follows from their number, so it must not change",
			stored.Shards, g.Shards)
	case stored.Shard != g.Shard:
		return differ("shard", stored.Shard, g.Shard)
	}
	return nil
}

// Positions is how far a shard is: the last thing that a checkpoint writes.
type Positions struct {
	Genesis
	Input  events.Offset  // next to be folded
	Output events.Offset  // next to be written
	Clock  events.Instant // the shard's
	Log    events.Instant // running maximum of append times

	SaidPosition events.Offset  // the step of the last said record
	SaidClock    events.Instant // "
	MuteUntil    events.Offset
	Speaking     bool    // false until the first start's mute has ended
	ProducerIDs  []int64 // former ones that were retired
	Rules        uint64  // fingerprint of the table of features by which customers were looked at last

	// Of the batches last read of either topic: their checksums and the offsets that they begin with, by which a topic
	// made anew is noticed.
	InputCRC, OutputCRC     uint32
	InputBatch, OutputBatch events.Offset

	// The owner whose opened mark was read last; without meaning before the first, and Producer -1 where none is known.
	Producer int64
	Epoch    int16

	Walk      Walk
	PastsSeen []events.ShardID // partitions whose past marks were folded

	Rulebook        []byte   // the one in force, in its own encoding; nil before the first
	RulebookSerial  uint64   // its serial number
	RulebookHistory []uint64 // digests of those that were in force before, in order

	Since state.Since // from when on each trigger is in force

	Offers []Offer // events of the world that have not come to all yet whom they may meet, in order of arrival

	Floor events.Instant // occurrences up to here are past: when the shard was first opened, if it was mute then
}

// Unbegun: they were written while the very first take-over absorbed; who opened the shard, and what it promised, was not settled.
func (p *Positions) Unbegun() bool {
	return p.Producer < 0 && p.Output == 0 && p.MuteUntil < 0 && !p.Speaking
}

// Walk is a pass over all customers that is under way: how far it is and why they are looked at.
type Walk struct {
	Active bool
	After  events.CustomerID // the last one visited
	Cause  events.Cause      // of what it says; "": each fact's own
}

// The fields of the positions' row, and of the genesis in it.
const (
	posGenesis wire.Field = iota + 1
	posInput
	posOutput
	posClock
	posLog
	posSaidPosition
	posSaidClock
	posMuteUntil
	posSpeaking
	posProducers
	posInputCRC
	posInputBatch
	posOutputCRC
	posOutputBatch
	posPending // how many customers have a horizon; about, after a crash
	posRules
	posProducer
	posEpoch
	posWalk
	posPastsSeen
	posRulebook
	posRulebookSerial
	posRulebookHistory
	posNumber // of the checkpoint, counted from 1; it is written last
	posFloor
	posSince
	posOffer

	walkActive wire.Field = 1
	walkAfter  wire.Field = 2
	walkCause  wire.Field = 3

	genFormat wire.Field = 1
	genApp    wire.Field = 2
	genInput  wire.Field = 3
	genOutput wire.Field = 4
	genShard  wire.Field = 5
	genShards wire.Field = 6
)

func appendPositions(b []byte, p *Positions, pending int) []byte {
	b, m := wire.Begin(b, posGenesis)
	b = wire.AppendInt(b, genFormat, int64(p.Format))
	b = wire.AppendBytes(b, genApp, p.App)
	b = wire.AppendBytes(b, genInput, p.Genesis.Input)
	b = wire.AppendBytes(b, genOutput, p.Genesis.Output)
	b = wire.AppendInt(b, genShard, int64(p.Shard))
	b = wire.AppendInt(b, genShards, int64(p.Shards))
	b = wire.End(b, m)
	b = wire.AppendInt(b, posInput, int64(p.Input))
	b = wire.AppendInt(b, posOutput, int64(p.Output))
	b = wire.AppendInt(b, posClock, int64(p.Clock))
	b = wire.AppendInt(b, posLog, int64(p.Log))
	b = wire.AppendInt(b, posSaidPosition, int64(p.SaidPosition))
	b = wire.AppendInt(b, posSaidClock, int64(p.SaidClock))
	b = wire.AppendInt(b, posMuteUntil, int64(p.MuteUntil))
	b = wire.AppendBool(b, posSpeaking, p.Speaking)
	b = wire.AppendBytes(b, posProducers, appendInts(nil, p.ProducerIDs))
	b = wire.AppendUint(b, posInputCRC, uint64(p.InputCRC))
	b = wire.AppendInt(b, posInputBatch, int64(p.InputBatch))
	b = wire.AppendUint(b, posOutputCRC, uint64(p.OutputCRC))
	b = wire.AppendInt(b, posOutputBatch, int64(p.OutputBatch))
	b = wire.AppendUint(b, posPending, uint64(max(0, pending)))
	b = wire.AppendFixed(b, posRules, p.Rules)
	b = wire.AppendInt(b, posProducer, p.Producer)
	b = wire.AppendInt(b, posEpoch, int64(p.Epoch))
	b = appendWalk(b, p.Walk)
	b = wire.AppendBytes(b, posPastsSeen, appendInts(nil, p.PastsSeen))
	b = wire.AppendBytes(b, posRulebook, p.Rulebook)
	b = wire.AppendUint(b, posRulebookSerial, p.RulebookSerial)
	var history []byte
	for _, digest := range p.RulebookHistory {
		history = binary.BigEndian.AppendUint64(history, digest)
	}
	b = wire.AppendBytes(b, posRulebookHistory, history)
	b = wire.AppendInt(b, posFloor, int64(p.Floor))
	var since []byte
	for _, x := range p.Since {
		since = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(since, x.Meaning), uint64(x.From))
	}
	b = wire.AppendBytes(b, posSince, since)
	for _, o := range p.Offers {
		b = appendOffer(b, o)
	}
	return b
}

func appendWalk(b []byte, w Walk) []byte {
	if w == (Walk{}) {
		return b
	}
	b, m := wire.Begin(b, posWalk)
	b = wire.AppendBool(b, walkActive, w.Active)
	b = wire.AppendBytes(b, walkAfter, w.After)
	b = wire.AppendBytes(b, walkCause, w.Cause)
	return wire.End(b, m)
}

// appendInts appends varints, zigzag, one after the other.
func appendInts[T ~int32 | ~int64](b []byte, list []T) []byte {
	for _, x := range list {
		b = binary.AppendVarint(b, int64(x))
	}
	return b
}

func parsePositions(b []byte) (p Positions, pending int, err error) {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case posGenesis:
			p.Genesis, err = parseGenesis(r.Bytes())
		case posInput:
			p.Input = events.Offset(r.Int())
		case posOutput:
			p.Output = events.Offset(r.Int())
		case posClock:
			p.Clock = events.Instant(r.Int())
		case posLog:
			p.Log = events.Instant(r.Int())
		case posSaidPosition:
			p.SaidPosition = events.Offset(r.Int())
		case posSaidClock:
			p.SaidClock = events.Instant(r.Int())
		case posMuteUntil:
			p.MuteUntil = events.Offset(r.Int())
		case posSpeaking:
			p.Speaking = r.Bool()
		case posProducers:
			p.ProducerIDs, err = parseInts[int64](r.Bytes())
		case posInputCRC:
			p.InputCRC = uint32(r.Uint())
		case posInputBatch:
			p.InputBatch = events.Offset(r.Int())
		case posOutputCRC:
			p.OutputCRC = uint32(r.Uint())
		case posOutputBatch:
			p.OutputBatch = events.Offset(r.Int())
		case posRules:
			p.Rules = r.Uint()
		case posPending:
			pending = int(r.Uint())
		case posProducer:
			p.Producer = r.Int()
		case posEpoch:
			p.Epoch = int16(r.Int())
		case posWalk:
			p.Walk, err = parseWalk(r.Bytes())
		case posPastsSeen:
			p.PastsSeen, err = parseInts[events.ShardID](r.Bytes())
		case posRulebook:
			p.Rulebook = bytes.Clone(r.Bytes())
		case posRulebookSerial:
			p.RulebookSerial = r.Uint()
		case posFloor:
			p.Floor = events.Instant(r.Int())
		case posSince:
			p.Since, err = parseSince(r.Bytes())
		case posOffer:
			var o Offer
			o, err = parseOffer(r.Bytes())
			p.Offers = append(p.Offers, o)
		case posRulebookHistory:
			p.RulebookHistory, err = parseDigests(r.Bytes())
		}
		if err != nil {
			return p, 0, err
		}
	}
	return p, pending, r.Err()
}

func parseGenesis(b []byte) (g Genesis, err error) {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case genFormat:
			g.Format = int(r.Int())
		case genApp:
			g.App = r.String()
		case genInput:
			g.Input = r.String()
		case genOutput:
			g.Output = r.String()
		case genShard:
			g.Shard = events.ShardID(r.Int())
		case genShards:
			g.Shards = int(r.Int())
		}
	}
	return g, r.Err()
}

func parseWalk(b []byte) (w Walk, err error) {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		switch f {
		case walkActive:
			w.Active = r.Bool()
		case walkAfter:
			w.After = events.CustomerID(r.String())
		case walkCause:
			w.Cause = events.Cause(r.String())
		}
	}
	return w, r.Err()
}

func parseInts[T ~int32 | ~int64](b []byte) (list []T, err error) {
	for len(b) > 0 {
		x, n := binary.Varint(b)
		if n <= 0 || int64(T(x)) != x {
			return nil, wire.ErrCorrupt
		}
		list, b = append(list, T(x)), b[n:]
	}
	return list, nil
}

func parseDigests(b []byte) (list []uint64, err error) {
	if len(b)%8 != 0 {
		return nil, wire.ErrCorrupt
	}
	for ; len(b) > 0; b = b[8:] {
		list = append(list, binary.BigEndian.Uint64(b))
	}
	return list, nil
}

func parseSince(b []byte) (since state.Since, err error) {
	if len(b)%16 != 0 {
		return nil, wire.ErrCorrupt
	}
	for ; len(b) > 0; b = b[16:] {
		since = append(since, state.InForce{Meaning: binary.BigEndian.Uint64(b), From: events.Instant(binary.BigEndian.Uint64(b[8:]))})
	}
	return since, nil
}

// checkpointNumber is what a positions' row says, 0 if it says nothing.
func checkpointNumber(row []byte) (n uint64) {
	r := wire.NewReader(row)
	for f, ok := r.Next(); ok; f, ok = r.Next() {
		if f == posNumber {
			n = r.Uint()
		}
	}
	return n
}

// readPositions reads how far the last checkpoint was, and refuses a store that this program must not touch.
func (s *Store) readPositions() error {
	v := s.disk.view()
	defer v.discard()
	value, err := v.get(positionsKey)
	if errors.Is(err, errNoRow) {
		return nil
	}
	if err != nil {
		return damaged(err)
	}
	if s.at, s.pending, err = parsePositions(value); err != nil {
		return damaged(fmt.Errorf("read the positions: %w", err))
	}
	s.exists, s.number = true, checkpointNumber(value)
	if s.at.Format > Format {
		return fmt.Errorf("it has format %d, and this program knows formats up to %d: %w", s.at.Format, Format, ErrNewer)
	}
	if s.at.Format != Format {
		return fmt.Errorf("it has format %d, and this program knows format %d: use the program that wrote it, or move "+
			"the folder away, for the store is a cache of the topics and is made anew", s.at.Format, Format)
	}
	if s.at.Shard != s.config.Shard {
		return fmt.Errorf("it is the store of shard %d: folders of store.dir were exchanged", s.at.Shard)
	}
	return nil
}
