package store

import (
	"reflect"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/ristretto/v2/z"
)

// database is a Badger DB that keeps no buffers. Badger builds each table in one, and has up to eight more ready as long as
// there is much to write, which grow to the largest table: of the gigabyte that a process with eight shards may take these
// were half, and the collector, left with the rest, took more time than the fold (docs/adr/016). There is no option for it, so
// a private field is cleared; of a Badger that has no such field the buffers stay.
type database struct {
	*badger.DB
	pool *z.AllocatorPool // what it would keep them in
}

func openDatabase(opt badger.Options) (*database, error) {
	db, err := badger.Open(opt)
	if err != nil {
		return nil, quiet(err) // db may be the ruins of one
	}
	return &database{db, takePool(db)}, nil
}

// Close is once; a table that was begun before the pool was taken goes back there.
func (d *database) Close() error {
	defer d.pool.Release()
	return quiet(d.DB.Close())
}

// takePool takes the pool out, nil if there is none: each buffer is made when it is needed then, and left to the collector.
func takePool(db *badger.DB) *z.AllocatorPool {
	f := reflect.ValueOf(db).Elem().FieldByName("allocPool")
	if !f.IsValid() || f.Type() != reflect.TypeFor[*z.AllocatorPool]() {
		return nil
	}
	return exchange((**z.AllocatorPool)(f.Addr().UnsafePointer()))
}

// exchange is not told to the race detector: what a killed process left in its log is made a table from Open on, by a goroutine
// that looks at the pool once a table, and either is right.
//
//go:norace
func exchange(at **z.AllocatorPool) (was *z.AllocatorPool) {
	was, *at = *at, nil
	return was
}
