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

// checkTables reads every table and compares its checksums. Badger can do that too, but in goroutines of its own, where
// a damaged table ends the process and with it all other shards.
func checkTables(dir string, opt badger.Options) error {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	manifest, _, err := badger.ReplayManifestFile(f, opt.ExternalMagicVersion, opt)
	if err != nil {
		return fmt.Errorf("read %s: %w", badger.ManifestFilename, quiet(err))
	}
	var checks errgroup.Group
	checks.SetLimit(runtime.GOMAXPROCS(0))
	for id, t := range manifest.Tables {
		name := table.NewFilename(id, dir)
		checks.Go(func() error {
			if err := checkTable(name, table.Options{BlockSize: opt.BlockSize, Compression: t.Compression,
				ChkMode: options.OnTableRead, ReadOnly: true}); err != nil {
				return fmt.Errorf("check %s: %w", filepath.Base(name), quiet(err))
			}
			return nil
		})
	}
	return checks.Wait()
}

func checkTable(name string, opt table.Options) (err error) {
	defer func() {
		if recover() != nil { // how package table tells of a file that was cut off
			err = errors.New("its contents do not fit together")
		}
	}()
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
