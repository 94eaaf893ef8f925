package snapshot

import (
	"context"
	"slices"
	"time"
)

// discard deletes what need not be kept of a shard now that newest was put and read back. What cannot be deleted is
// tried again after the next one.
func (a *Archive) discard(ctx context.Context, newest Meta) {
	all, err := a.List(ctx, newest.Shard)
	for _, m := range surplus(all, newest, a.config.Keep, a.config.KeepDays) {
		if err == nil {
			err = a.config.Place.Delete(ctx, m.Name)
		}
	}
	if err != nil {
		a.log.Warn().Err(err).Int("shard", int(newest.Shard)).Msg("old snapshots cannot be deleted")
	}
}

// surplus is those of a shard that need not be kept: what is older than newest, not among the keep first ones, and not
// the last one of one of the days that end with newest's.
func surplus(all []Meta, newest Meta, keep, days int) (gone []Meta) {
	slices.SortFunc(all, Meta.compare)
	today := dayOf(newest.Put)
	had := map[int64]bool{}
	for i, m := range all {
		day := dayOf(m.Put)
		last := !had[day] && day > today-int64(days)
		had[day] = true
		if i >= keep && !last && newest.compare(m) < 0 {
			gone = append(gone, m)
		}
	}
	return gone
}

func dayOf(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }
