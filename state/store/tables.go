package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"
	"golang.org/x/sync/errgroup"
)

// checkTables reads the list of tables and, if whole, every table, and compares their checksums. Badger can do that too,
// but in goroutines of its own. The list must have least bytes.
func checkTables(dir string, least int64, opt badger.Options, whole bool) (tables int, err error) {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	manifest, end, err := badger.ReplayManifestFile(f, opt.ExternalMagicVersion, opt)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", badger.ManifestFilename, quiet(err))
	}
	// What follows the last whole entry may be one that was being written when the machine stopped, or all there was:
	// Badger would cut it off and remove the tables of which it tells.
	if info, err := f.Stat(); err != nil || info.Size() != end || end < least {
		return 0, errors.Join(err, fmt.Errorf("%s breaks off in the middle", badger.ManifestFilename))
	}
	var checks errgroup.Group
	checks.SetLimit(runtime.GOMAXPROCS(0))
	for id, t := range manifest.Tables {
		name := table.NewFilename(id, dir)
		checks.Go(func() error {
			if int(t.Level) >= opt.MaxLevels || t.KeyID != 0 {
				return fmt.Errorf("read %s: what it says of %s makes no sense", badger.ManifestFilename, filepath.Base(name))
			}
			if !whole {
				return nil
			}
			if err := checkTable(name, table.Options{BlockSize: opt.BlockSize, Compression: t.Compression,
				ChkMode: options.OnTableRead, ReadOnly: true}); err != nil {
				return fmt.Errorf("check %s: %w", filepath.Base(name), quiet(err))
			}
			return nil
		})
	}
	return len(manifest.Tables), checks.Wait()
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
