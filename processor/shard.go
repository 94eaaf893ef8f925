package processor

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/store"
)

// releaseMarkWithin bounds the writing of the mark that spares others to wait.
const releaseMarkWithin = 2 * time.Second

// shard is one ownership of a partition, from taking it over until it ends. One goroutine, that of run, owns all of it
// but folded and spoke. What one part of its work alone needs is a struct of its own beside that part.
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
	shares    *shares     // of this process
	part      portion     // of the memory, as this shard took it last
	turn      turn
	store     *store.Store
	decoding  decoding
	record    events.Record // scratch
	event     events.Event  // scratch

	at       store.Positions // how far everything is
	end      events.Offset   // of the input, as far as is known
	speaking bool            // else mute; at.Speaking is whether a first start's muteness has ended
	speaker  *state.Speaker
	voice    *voice
	asides   asides
	stale    []events.CustomerID // wait to be folded again
	due      bool                // horizons up to the clock wait
	said     uint64
	sayErr   error

	saveAfter time.Duration // of terms.boot: when the next checkpoint is due
	whole     bool          // at a place where late events are settled: see batch

	gathered gathering
	happened
	arrival
	tenure
	muteness
	believing
	walkProgress
	brokerClock
	snapshots

	folded atomic.Int64 // at.Input as of the last round, -1 before the first
}

// StoreDir is the folder of a shard's store beneath a processor's Dir.
func StoreDir(dir string, id events.ShardID) string {
	return filepath.Join(dir, fmt.Sprintf("shard-%03d", id))
}

func newShard(c *Config, m *metrics, b broker, id events.ShardID, l layout, instance string) *shard {
	s := &shard{id: id, layout: l, config: c, m: m.shard(id), broker: b, terms: usualTerms(), limits: usualLimits(), instance: instance,
		speaker: state.NewSpeaker(nil), log: c.Log.With().Int("shard", int(id)).Logger(),
		decoding: newDecoding(events.DecoderConfig{MaxBytes: c.MaxBytes}),
		voice:    newVoice(c.App, c.IDKey), muteness: muteness{touched: map[events.CustomerID]struct{}{}},
		snapshots: snapshots{damage: make(chan error, 1)}}
	s.openStore, s.full = s.openBadger, func() bool { return false }
	s.shares, s.turn.turns = &shares{}, c.newTurns()
	s.shares.shards.Store(int64(l.shards))
	s.share()
	s.folded.Store(-1)
	return s
}

// run takes the shard over, folds until ctx ends, and leaves with everything said and checkpointed, before last ends.
func (s *shard) run(ctx, last context.Context, from source) (err error) {
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
		if failed := shut(&s.store); failed != nil {
			err = failed
		}
	}()
	if err := s.takeOver(ctx); err != nil {
		return unlessCanceled(ctx, err)
	}

	// What was folded must still be said when ctx ends, so appends have a context of their own.
	appends, cancel := context.WithCancel(last)
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
	input := from.Read(s.id, s.at.Input)
	defer from.Stop(s.id)
	defer s.leaveTurns()
	if err = s.begin(appends); err == nil {
		err = s.loop(ctx, appends, input)
	}
	return s.finish(appends, err)
}

// shut closes a store, if there is one, and forgets it. As long as that is not possible nothing may be made in its place.
func shut(s **store.Store) error {
	if *s == nil {
		return nil
	}
	if err := (*s).Close(); errors.Is(err, store.ErrUnclosed) { // an error of the last commit has come out of Wait before
		return stop("%w; the shard goes on by itself when it can", err)
	}
	*s = nil
	return nil
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
	if err := s.acquaintAll(ctx); err != nil {
		return err
	}
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	return s.deliver(ctx)
}

// finish leaves everything said and checkpointed, if what ended the loop allows it.
func (s *shard) finish(ctx context.Context, err error) error {
	s.ungather()
	s.folded.Store(int64(s.at.Input))
	var outside *outsideError
	switch {
	case errors.As(err, &outside): // go on from here next time: what could not be set aside is folded again
		return errors.Join(err, s.giveBack(ctx))
	case isStop(err):
		s.letGo(ctx, s.release)
		return err
	case err != nil && !errors.Is(err, errStopped):
		return err
	}
	if err := s.checkpoint(ctx, true); err != nil {
		return err
	}
	s.log.Info().Int64("position", int64(s.at.Input)).Msg("all that was folded is said and saved")
	// gofail: var beforeRelease struct{}
	s.letGo(ctx, s.release)
	return nil
}

// letGo tells that the shard is free. That is so too when it has stopped for somebody to see to: nothing is written any more,
// and to go on it is taken over anew. So whoever sees to it need not stop this process and with it the other shards.
func (s *shard) letGo(ctx context.Context, release func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseMarkWithin)
	defer cancel()
	if err := release(ctx); err != nil {
		s.log.Warn().Err(err).Msg("could not tell that the shard is free; whoever takes it over may wait a little")
	}
}

// release tells that the shard is free, when all is said that was to be said.
func (s *shard) release(ctx context.Context) error {
	if err := s.drain(ctx, -1); err != nil {
		return err
	}
	if err := s.mayWrite(ctx); err != nil {
		return err
	}
	return s.writeReleased(ctx, s.producer)
}

func (s *shard) writeReleased(ctx context.Context, p producer) error {
	_, err := s.writeMark(ctx, p, events.Mark{Kind: events.ShardReleased})
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
