package processor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rulebook"
	"github.com/touchfold/touchfold/state/store"
)

const (
	// ClockMargin is how far the clock stays behind the time at which an empty fetch was sent, in milliseconds.
	ClockMargin events.Instant = 2000
	// releaseMarkWithin bounds the writing of the mark that spares others to wait.
	releaseMarkWithin = 2 * time.Second
)

// shard is one ownership of a partition, from taking it over until it ends. One goroutine, that of run, owns all of it
// but folded and done.
type shard struct {
	id       events.ShardID
	stop     <-chan struct{} // closed when the shard is to stop
	depart   func()          // closes it
	layout   layout
	config   *Config
	log      zerolog.Logger
	m        *shardMetrics
	broker   broker
	terms    terms
	limits   limits
	instance string

	openStore func(context.Context) (*store.Store, error)
	full      func() bool // the disk of the stores is
	store     *store.Store
	rules     rulebook.Succession
	table     *state.Table // of the rulebook in force
	decoder   *events.Decoder
	event     events.Event // scratch

	at       store.Positions // how far everything is
	loaded   store.Positions // what at was before the output was absorbed
	end      events.Offset   // of the input, as far as is known
	folds    bool            // mute, and has folded
	speaking bool            // else mute; at.Speaking is whether a first start's muteness has ended
	speaker  *state.Speaker
	voice    *voice
	asides   asides
	stale    []*state.Customer // wait to be folded again
	due      bool              // horizons up to the clock wait
	said     uint64
	sayErr   error

	saveAfter time.Duration // of terms.boot: when the next checkpoint is due
	whole     bool          // at a place where late events are settled: see batch

	// Of the ownership; see takeover.go.
	producer   producer
	took       time.Duration  // when it began, of terms.boot as the two below
	heard      time.Duration  // before the last append that the broker has acknowledged was sent
	spoke      atomic.Int64   // before what is in flight was sent
	brokerTime events.Instant // of the last mark that was read,
	brokerBoot time.Duration  // and before it was sent
	doubted    bool           // this machine's clock
	chain      map[int64]bool // producer ids under which an opened mark was written
	first      *events.Mark   // the partition's first opened mark, if it was read
	began      bool           // there is no checkpoint
	absorbed   int

	snapshotAfter time.Duration // of terms.boot
	putCtx        context.Context
	puts          sync.WaitGroup // snapshots that are put beside the loop

	touched  map[events.CustomerID]struct{} // to be looked at when a take-over's muteness ends
	walking  bool                           // a walk goes on in this ownership
	walked   int
	proposed bool // the log was compared with the configuration's rulebook

	folded atomic.Int64 // at.Input as of the last round, -1 before the first
	done   chan struct{}
}

// StoreDir is the folder of a shard's store beneath a processor's Dir.
func StoreDir(dir string, id events.ShardID) string {
	return filepath.Join(dir, fmt.Sprintf("shard-%03d", id))
}

func newShard(c *Config, m *metrics, b broker, id events.ShardID, l layout, instance string) *shard {
	s := &shard{id: id, layout: l, config: c, m: m.shard(id), broker: b, terms: usualTerms(), limits: c.usualLimits(l.shards), instance: instance,
		speaker: state.NewSpeaker(nil), log: c.Log.With().Int("shard", int(id)).Logger(),
		decoder: events.NewDecoder(events.DecoderConfig{MaxBytes: c.MaxBytes}),
		voice:   newVoice(c.App, c.IDKey), touched: map[events.CustomerID]struct{}{}, done: make(chan struct{})}
	s.openStore, s.full = s.openBadger, func() bool { return false }
	s.folded.Store(-1)
	return s
}

// run takes the shard over, folds until ctx ends, and leaves with everything said and checkpointed.
func (s *shard) run(ctx context.Context, fetcher *kafka.Fetcher) error {
	defer close(s.done)
	stop := make(chan struct{})
	s.stop, s.depart = stop, sync.OnceFunc(func() { close(stop) })
	defer context.AfterFunc(ctx, func() {
		if s.config.Archive == nil {
			s.depart()
		} else { // the loop puts a snapshot first, and goes on meanwhile
			time.AfterFunc(s.config.StopWithin/2, s.depart)
		}
	})()
	defer func() {
		s.puts.Wait() // they keep the store open
		if s.store != nil {
			s.store.Close() // an error of the last commit has come out of Wait before
		}
	}()
	if err := s.takeOver(ctx); err != nil {
		if ctx.Err() != nil {
			return unlessCanceled(err)
		}
		return err
	}

	// What was folded must still be said when ctx ends, so appends have a context of their own.
	appends, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(s.config.StopWithin, cancel) })
	batches, spoken := make(chan []kafka.Out, 1), make(chan struct{})
	s.voice.post = func(b []kafka.Out) { batches <- b }
	go func() {
		defer close(spoken)
		for b := range batches {
			// gofail: var beforeSay struct{}
			base, err := s.producer.Append(appends, b)
			// gofail: var afterSay struct{}
			s.voice.acks <- ack{base, err}
		}
	}()
	var unput context.CancelFunc
	s.putCtx, unput = context.WithCancel(appends)
	defer unput()
	defer func() {
		cancel() // what is still in flight here will not be waited for
		close(batches)
		<-spoken
	}()
	input := fetcher.Read(s.id, s.at.Input)
	defer fetcher.Stop(s.id)
	err := s.begin(appends)
	if err == nil {
		err = s.loop(ctx, appends, input)
	}
	return s.finish(appends, err)
}

// begin goes on where a take-over ended.
func (s *shard) begin(ctx context.Context) error {
	s.saveAfter = s.terms.boot() + s.config.CheckpointEvery
	s.snapshotAfter = s.terms.boot() + s.config.SnapshotEvery
	if err := s.tellPast(ctx); err != nil {
		return err
	}
	if s.at.Speaking && s.at.Input < s.at.SaidPosition {
		// Rows of customers who were folded mute may come to the disk without the positions that say to look at all.
		at := s.at
		at.Walk.Active, at.Walk.After = true, ""
		if err := s.store.Checkpoint(at); err != nil {
			return err
		}
		if err := s.store.Wait(); err != nil {
			return err
		}
	}
	return s.catchUp(ctx)
}

// finish leaves everything said and checkpointed, if what ended the loop allows it.
func (s *shard) finish(ctx context.Context, err error) error {
	s.folded.Store(int64(s.at.Input))
	var outside *outsideError
	switch {
	case errors.As(err, &outside): // go on from here next time: what could not be set aside is folded again
		return errors.Join(err, s.giveBack(ctx))
	case err != nil && !errors.Is(err, errStopped):
		return err
	}
	if err := s.checkpoint(ctx, true); err != nil {
		return err
	}
	// gofail: var beforeRelease struct{}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseMarkWithin)
	defer cancel()
	if err := s.release(ctx); err != nil {
		s.log.Warn().Err(err).Msg("could not tell that the shard is free; whoever takes it over may wait a little")
	}
	return nil
}

// release tells that the shard is free.
func (s *shard) release(ctx context.Context) error {
	if s.terms.boot()-s.heard > s.terms.lease {
		if err := s.retake(ctx); err != nil {
			return err
		}
	}
	s.spoke.Store(int64(s.terms.boot()))
	_, err := s.writeMark(ctx, s.producer, events.Mark{Kind: events.ShardReleased})
	return err
}

// giveBack saves what was folded. If something could not be set aside, nothing is saved: it is all read again from the last
// checkpoint on, and what was said of it is known.
func (s *shard) giveBack(ctx context.Context) error {
	if !s.asides.empty() {
		return nil
	}
	return s.checkpoint(ctx, true)
}

func (s *shard) stopping() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// loop folds what comes, until ctx ends.
func (s *shard) loop(ctx, appends context.Context, input <-chan kafka.Batch) error {
	tick := time.NewTicker(s.config.CheckpointEvery / 4)
	defer tick.Stop()
	always := make(chan struct{})
	close(always)
	leave := ctx.Done()
	for !s.stopping() {
		in, more := input, (<-chan struct{})(nil)
		if s.voice.bytes > s.limits.pending || s.full() {
			in = nil // the broker is behind, or the disk nearly full: wait
		} else if s.due || len(s.stale) > 0 || s.speaking && s.at.Walk.Active {
			more = always // work is left: look at the input, but do not wait for it
		}
		select {
		case <-s.stop:
			return nil
		case <-leave:
			leave = nil
			if err := s.lastSnapshot(); err != nil {
				return err
			}
		case b, open := <-in:
			if !open {
				return nil // reading ended because Run does
			}
			if err := s.batch(appends, &b); err != nil {
				return err
			}
		case a := <-s.voice.acks:
			if err := s.acked(appends, a); err != nil {
				return err
			}
		case <-tick.C:
		case <-more:
		}
		if err := s.round(appends); err != nil {
			return err
		}
	}
	return nil
}

// round does what is due between batches.
func (s *shard) round(ctx context.Context) error {
	if err := s.pass(s.limits.due); err != nil {
		return err
	}
	if s.whole {
		if err := s.refold(s.limits.refold); err != nil {
			return err
		}
	}
	if err := s.walk(ctx); err != nil {
		return err
	}
	if err := s.flush(ctx); err != nil {
		return err
	}
	if s.whole && s.terms.boot() > s.saveAfter || s.store.DirtyBytes() > s.limits.dirty {
		if err := s.checkpoint(ctx, false); err != nil {
			return err
		}
	}
	if err := s.renew(ctx); err != nil {
		return err
	}
	if err := s.snapshot(); err != nil {
		return err
	}
	s.m.publish()
	s.report()
	return s.sayErr
}

// batch folds a batch in slices, which end at offsets that are multiples of Config.Batch. Late events are settled there
// and at the input's end only, so that what is merged does not depend on where a fetch happened to end.
func (s *shard) batch(ctx context.Context, b *kafka.Batch) error {
	if b.Err != nil {
		return fromLog(b.Err)
	}
	s.end = b.End
	s.whole = b.Next >= b.End
	if len(b.Records) == 0 {
		if b.Next != b.End || b.Next != s.at.Input {
			s.at.Input = max(s.at.Input, b.Next)
			return s.catchUp(ctx)
		}
		if s.speaking || !s.at.Speaking {
			s.advance(s.present(b.Sent) - ClockMargin)
		}
		if err := s.unmuteAt(ctx, b.Next); err != nil {
			return err
		}
		return s.propose(ctx)
	}
	for records := b.Records; len(records) > 0; {
		n, whole := s.cut(records)
		if err := s.slice(ctx, records[:n]); err != nil {
			return err
		}
		if records = records[n:]; len(records) == 0 {
			s.whole = whole || b.Next >= b.End
			break
		}
		s.whole = true
		if s.stopping() {
			return errStopped
		}
		if err := s.drain(ctx, s.limits.pending); err != nil {
			return err
		}
		if err := s.round(ctx); err != nil {
			return err
		}
	}
	s.at.Input = max(s.at.Input, b.Next)
	s.at.InputBatch, s.at.InputCRC = b.Base, b.CRC
	return s.catchUp(ctx)
}

// cut is how many records come before the next multiple of Config.Batch; whole, whether that is known to be reached.
func (s *shard) cut(records []events.Record) (n int, whole bool) {
	size := events.Offset(s.config.Batch)
	next := (records[0].Offset/size + 1) * size
	n, _ = slices.BinarySearchFunc(records, next, func(r events.Record, o events.Offset) int { return cmp.Compare(r.Offset, o) })
	return n, n < len(records) || records[n-1].Offset+1 == next
}

// slice folds a few records.
func (s *shard) slice(ctx context.Context, records []events.Record) error {
	began := time.Now()
	for i := range records {
		r := &records[i]
		if !s.speaking {
			s.at.Input = max(s.at.Input, r.Offset)
			if err := s.catchUp(ctx); err != nil {
				return err
			}
			s.folds = true
		}
		s.meet(r)
		if err := s.unmuteAt(ctx, r.Offset); err != nil {
			return err
		}
		if err := s.take(ctx, r); err != nil {
			return err
		}
	}
	s.m.fold.Observe(time.Since(began).Seconds())
	return s.flushAside(ctx)
}

// present is when an empty fetch was sent, by our clock, which is believed as far as it agrees with the broker's: with that
// of the last mark read and the time that has passed since. A clock that is a year ahead would have customers lapse, and
// later owners follow what was said.
func (s *shard) present(sent events.Instant) events.Instant {
	if s.config.Topics.CreateTime { // the clock is the caller's
		return sent
	}
	latest := s.brokerTime + events.Instant((s.terms.boot() - s.brokerBoot).Milliseconds()) + brokersAhead
	if sent > latest && !s.doubted {
		s.doubted = true
		s.log.Error().Dur("ahead", time.Duration(sent-latest+brokersAhead)*time.Millisecond).
			Msg("this machine's clock is far ahead of the broker's and is not believed: set it")
	}
	return min(sent, latest)
}

// advance moves the clock, never back.
func (s *shard) advance(to events.Instant) {
	if to > s.at.Clock {
		s.at.Clock, s.due = to, true
	}
}

// acked notes that a batch stands in the output.
func (s *shard) acked(ctx context.Context, a ack) error {
	if a.err != nil {
		return lost("say on partition %d of %s: %w", s.id, s.config.Topics.Events, a.err)
	}
	n, last, took := s.voice.landed()
	if err := s.wrote(a.base, n, time.Duration(s.spoke.Load())); err != nil {
		return err
	}
	s.at.SaidPosition, s.at.SaidClock = last.position, last.clock
	s.said += uint64(n)
	s.m.say.Observe(took.Seconds())
	return s.flush(ctx)
}

// drain waits for acknowledgements until no more than so many bytes of statements wait; with -1 until all is said.
func (s *shard) drain(ctx context.Context, bytes int) error {
	if err := s.flush(ctx); err != nil {
		return err
	}
	for s.voice.bytes > bytes && !s.voice.silent() {
		select {
		case a := <-s.voice.acks:
			if err := s.acked(ctx, a); err != nil {
				return err
			}
		case <-ctx.Done():
			return lost("the broker did not acknowledge what was to be said within %s of the stop; "+
				"the shard goes on from its last checkpoint: %w", s.config.StopWithin, ctx.Err())
		}
	}
	return nil
}

// checkpoint waits until all that was folded is said and hands what changed to the store; with durable it returns when
// that is committed.
func (s *shard) checkpoint(ctx context.Context, durable bool) error {
	began := time.Now()
	if err := s.refold(1 << 62); err != nil {
		return err
	}
	if err := s.flushAside(ctx); err != nil {
		return err
	}
	if err := s.drain(ctx, -1); err != nil {
		return err
	}
	if s.sayErr != nil {
		return s.sayErr
	}
	// gofail: var beforeCheckpoint struct{}
	if err := s.save(); err != nil {
		return err
	}
	// gofail: var afterCheckpoint struct{}
	if durable {
		if err := s.store.Wait(); err != nil {
			return err
		}
	}
	s.saveAfter = s.terms.boot() + s.config.CheckpointEvery
	s.m.checkpoint.Observe(time.Since(began).Seconds())
	return nil
}

// save hands what changed to the store. While a take-over's muteness lasts, the checkpoint says to look at all customers:
// who was touched is known here only.
func (s *shard) save() error {
	at := s.at
	if !s.speaking && at.Speaking && len(s.touched) > 0 {
		at.Walk.Active, at.Walk.After = true, ""
	}
	return s.store.Checkpoint(at)
}

// report tells metrics and the watcher how far the shard is.
func (s *shard) report() {
	behind := max(0, s.end-s.at.Input)
	s.m.lagRecords.Set(float64(behind))
	age := events.Instant(0)
	if behind > 0 && s.at.Log > 0 {
		age = max(0, s.config.Now()-s.at.Log)
	}
	s.m.lagSeconds.Set(float64(age) / 1000)
	s.folded.Store(int64(s.at.Input))
	s.m.clock.Set(float64(s.at.Clock) / 1000)
	s.m.pending.Set(float64(s.store.HorizonsPending()))
	if s.speaking {
		s.m.speaking.Set(1)
	}
	if s.config.Watch != nil {
		s.config.Watch(Progress{Shard: s.id, Position: s.at.Input, End: s.end, Clock: s.at.Clock, Said: s.said,
			Settled: behind == 0 && !s.due && len(s.stale) == 0 && s.voice.silent() && s.speaking && !s.at.Walk.Active &&
				(s.proposed || s.id != 0)})
	}
}
