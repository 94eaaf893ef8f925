package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/rs/zerolog"
)

// The names of Badger's files.
const (
	tableSuffix = ".sst"
	walSuffix   = ".mem"
	valueSuffix = ".vlog"
)

// badgerOptions are those of one shard, of which a process may have dozens. At rest there is one table in memory, which
// takes 1.3 times its size. When there is much to write there are up to three, and a buffer for each table that is being built, of
// twice its size (see database).
func badgerOptions(c Config) badger.Options {
	memory := max(100<<20, c.DiskBytes)
	return badger.DefaultOptions(c.Dir).
		// The log has all that a power cut can take: positions roll back with the rows. SIGKILL loses nothing anyway.
		WithSyncWrites(false).
		WithMemTableSize(memory / 14). // not under 7 MiB: a transaction has at most 15 % of it, and a row, as that of a long rulebook, up to 1 MiB
		WithNumMemtables(1).
		WithBlockSize(16 << 10).     // in blocks of 4 KiB rows leave so much room that the buffers double once more
		WithBaseTableSize(2 << 20).  // a buffer to build one has twice that, and takes 3 MiB for its index
		WithBaseLevelSize(64 << 20). // as much as comes down from level 0 at a time: a smaller level below it would only be passed through
		WithNumLevelZeroTables(10).  // each time they are merged, all rows of customers in the level below are written again
		WithNumLevelZeroTablesStall(20).
		WithNumCompactors(2).
		WithCompression(options.None). // see packBlock; so a row is read where its table is mapped, without a buffer
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).       // only encrypted tables have one; the others' are read where they are mapped
		WithValueThreshold(1 << 20). // so that the value log stays empty, but for a giant of an event; see parts
		WithValueLogFileSize(16 << 20).
		WithVerifyValueChecksum(true).
		WithDetectConflicts(false). // there is one writer
		WithMetricsEnabled(false).
		WithBypassLockGuard(true).                            // see lock
		WithChecksumVerificationMode(options.NoVerification). // checkTables has compared what was there
		WithLogger(badgerLog{c.Log})
}

// openBadger opens the DB in a folder that is locked; there was one if marked, with at least so many bytes of a list of
// tables. Whatever is wrong with its files becomes an error: they are read before, for what Badger finds wrong in
// goroutines of its own ends the process, and with it all other shards. whole are the tables that were read.
func openBadger(c Config, marked bool, list int64) (db *database, whole sums, err error) {
	defer func() { err = damaged(err) }()
	defer guard(&err)
	defer faults()()
	if err := room(c.Dir); err != nil {
		return nil, nil, err
	}
	if err := tidy(c.Dir, marked); err != nil {
		return nil, nil, err
	}
	opt := badgerOptions(c)
	tables, err := listTables(c.Dir, list, opt)
	if err != nil {
		return nil, nil, err
	}
	if !c.Restored {
		if whole, err = checkTables(context.Background(), c.Dir, tables, opt, readSums(c.Dir)); err != nil {
			return nil, nil, err
		}
	}
	logged, err := checkLogs(c.Dir)
	if err != nil {
		return nil, nil, err
	}
	opt.MemTableSize = max(opt.MemTableSize, logged)
	if err := checkHandles(c.Dir, len(tables)+moreHandles); err != nil {
		return nil, nil, err
	}
	if db, err = openDatabase(opt); err != nil {
		return nil, nil, err
	}
	return db, whole, nil
}

// tidy removes the empty files that a killed process may leave, on which Badger fails. It refuses a folder of which the
// list of tables is gone: Badger would take it for a new store.
func tidy(dir string, marked bool) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	there, manifest := marked, false
	for _, f := range files {
		switch filepath.Ext(f.Name()) {
		case walSuffix, valueSuffix:
			info, err := f.Info()
			if err != nil {
				return err
			}
			if info.Size() == 0 {
				if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
					return err
				}
				continue
			}
			there = true
		case tableSuffix:
			there = true
		}
		manifest = manifest || f.Name() == badger.ManifestFilename
	}
	if there && !manifest {
		return fmt.Errorf("the file %s is missing", badger.ManifestFilename)
	}
	return nil
}

// quiet is an error of Badger's without the dumps of keys and values that some have after their first line.
func quiet(err error) error {
	if err == nil || !strings.Contains(err.Error(), "\n") {
		return err
	}
	return firstLine{err}
}

type firstLine struct{ error }

func (f firstLine) Error() string {
	line, _, _ := strings.Cut(f.error.Error(), "\n")
	return strings.TrimSuffix(line, ":")
}

func (f firstLine) Unwrap() error { return f.error }

// badgerLog passes on what Badger complains of: the constant text and, if there is one, the system's error, never the
// values that were to be put into it, for these may be keys.
type badgerLog struct{ log zerolog.Logger }

func (l badgerLog) Errorf(format string, args ...any)   { l.warn(format, args) }
func (l badgerLog) Warningf(format string, args ...any) { l.warn(format, args) }
func (l badgerLog) Infof(string, ...any)                {}
func (l badgerLog) Debugf(string, ...any)               {}

func (l badgerLog) warn(format string, args []any) {
	e := l.log.Warn().Str("badger", strings.TrimSpace(format))
	for _, a := range args {
		var errno syscall.Errno
		if err, ok := a.(error); ok && errors.As(err, &errno) {
			e = e.Str("cause", errno.Error())
		}
	}
	e.Msg("the store complains")
}
