package store

import (
	"reflect"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/rs/zerolog"
)

// TestNoPool fails with a Badger of which the pool is elsewhere: it must be looked for again then.
func TestNoPool(t *testing.T) {
	db, err := openDatabase(badgerOptions(Config{Dir: t.TempDir(), Log: zerolog.Nop()}))
	if err != nil {
		t.Fatal(err)
	}
	if db.pool == nil {
		t.Error("no pool was found")
	}
	if f := reflect.ValueOf(db.DB).Elem().FieldByName("allocPool"); !f.IsValid() || !f.IsNil() {
		t.Error("Badger still has it")
	}
	if err := db.Update(func(txn *badger.Txn) error { return txn.Set([]byte("a"), []byte("b")) }); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil { // which makes a table
		t.Error(err)
	}
}
