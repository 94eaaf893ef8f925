package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"
	"golang.org/x/sync/errgroup"
)

// tableList is tables by number.
type tableList = map[uint64]badger.TableManifest

// listTables is Badger's list of tables, empty if there is no file with one. The list must have least bytes.
func listTables(dir string, least int64, opt badger.Options) (tableList, error) {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	manifest, end, err := badger.ReplayManifestFile(f, opt.ExternalMagicVersion, opt)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", badger.ManifestFilename, quiet(err))
	}
	// What follows the last whole entry may be one that was being written when the machine stopped, or all there was:
	// Badger would cut it off and remove the tables of which it tells.
	if info, err := f.Stat(); err != nil || info.Size() != end || end < least {
		return nil, errors.Join(err, fmt.Errorf("%s breaks off in the middle", badger.ManifestFilename))
	}
	for id, t := range manifest.Tables {
		if int(t.Level) >= opt.MaxLevels || t.KeyID != 0 {
			return nil, fmt.Errorf("read %s: what it says of %06d%s makes no sense", badger.ManifestFilename, id, tableSuffix)
		}
	}
	return manifest.Tables, nil
}

// checkTables is the sums of those tables that are whole; there is an error if not all are. A table with the sum that it
// had when it was whole is whole. Of others it compares Badger's checksums, which takes ten times as long: Badger can do
// that too, but in goroutines of its own.
func checkTables(ctx context.Context, dir string, tables tableList, opt badger.Options, had sums) (whole sums, err error) {
	whole = sums{}
	var writing sync.Mutex
	var checks errgroup.Group
	checks.SetLimit(runtime.GOMAXPROCS(0))
	for id, t := range tables {
		name := table.NewFilename(id, dir)
		checks.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			now, err := sumFile(name) // before the check: a bit that flips between them makes a sum of no use, not one of damage
			if was, known := had[id]; err == nil && !(known && now == was) {
				err = checkTable(name, table.Options{BlockSize: opt.BlockSize, Compression: t.Compression,
					ChkMode: options.OnTableRead, ReadOnly: true})
			}
			if err != nil {
				return fmt.Errorf("check %s: %w", filepath.Base(name), quiet(err))
			}
			writing.Lock()
			defer writing.Unlock()
			whole[id] = now
			return nil
		})
	}
	return whole, checks.Wait()
}

func checkTable(name string, opt table.Options) (err error) {
	defer func() {
		if recover() != nil { // how package table tells of a file that was cut off
			err = errors.New("its contents do not fit together")
		}
	}()
	defer faults()()
	m, err := z.OpenMmapFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	t, err := table.OpenTable(m, opt)
	if err != nil {
		return err
	}
	return t.Close(-1)
}

// moreHandles is how many files Badger opens beside the tables there are.
const moreHandles = 32

// checkHandles makes sure that n files can be opened: where Badger cannot, it may end the process.
func checkHandles(dir string, n int) error {
	files := make([]*os.File, 0, n)
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for range n {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	return nil
}
