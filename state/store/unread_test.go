package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
)

// A block that cannot be read lets nothing be believed after it, whether it is needed to read the customer or only later: no
// customer is handed out, nothing is saved, and the error says where.
func TestUnreadBlock(t *testing.T) {
	for name, whole := range map[string]bool{"needed with the row": false, "needed later": true} {
		t.Run(name, func(t *testing.T) {
			c := config(t, t.TempDir(), 1)
			c.Table = featureTable(t)
			s := mustOpen(t, c)
			fullCustomer(t, s)
			must(t, s.Checkpoint(at(1)))
			if whole {
				late(t, s)
				must(t, s.Checkpoint(at(2)))
			}
			must(t, s.Wait())
			read := func() *state.Customer {
				t.Helper()
				again, err := s.Customer(fullID)
				must(t, err)
				if again.Sealed() == 0 || again.Block(0) != nil {
					t.Fatal("his timeline is kept in memory")
				}
				return again
			}
			shown, full := 0, read()
			full.Timeline(func(*events.Event) { shown++ })
			must(t, s.Err())
			if n := full.Events(); n != shown || n == 0 {
				t.Fatalf("%d events of %d are read when they are needed", shown, n)
			}
			must(t, s.Close())
			s = mustOpen(t, c)
			put(t, s, write{key: blockKey(nil, fullID, 0, 1), delete: true})
			if whole {
				read().Timeline(func(*events.Event) { t.Error("events of a timeline that is not whole are shown") })
			} else if c, err := s.Customer(fullID); err == nil {
				t.Fatalf("a customer with %d events is handed out", c.Events())
			}
			_, handed := s.Customer("another")
			for what, err := range map[string]error{"Err": s.Err(), "Customer": handed, "Checkpoint": s.Checkpoint(at(3))} {
				if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "read a customer from the store of shard 3") {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}
