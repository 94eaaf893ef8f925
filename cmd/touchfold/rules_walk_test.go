package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/touchfold/touchfold/config"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/processor"
	"github.com/touchfold/touchfold/processor/kafka"
	"github.com/touchfold/touchfold/state/store"
)

// TestAskWalks: an instance tells of the shards that are its own, in the words of its metrics.
func TestAskWalks(t *testing.T) {
	t.Parallel()
	metrics := `# HELP touchfold_walk_customers Customers
touchfold_speaking{shard="0"} 1
touchfold_speaking{shard="1"} 1
touchfold_speaking{shard="2"} 0
touchfold_speaking{shard="12"} 1
touchfold_walk_customers{shard="0",state="done"} 1.5e+06
touchfold_walk_customers{shard="0",state="left"} 2e+06
touchfold_walk_customers{shard="1",state="done"} 0
touchfold_walk_customers{shard="1",state="left"} 0
touchfold_walk_customers{shard="2",state="done"} 5
touchfold_walk_customers{shard="2",state="left"} 6
touchfold_walk_customers{shard="12",state="done"} 7
touchfold_walk_customers{shard="12",state="left"} 0
`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			io.WriteString(w, metrics)
		}
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	all := map[events.ShardID]*walked{}
	if err := askWalks(t.Context(), address, all); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(all), "map[0:1500000 of 3500000 customers done 1:none 12:7 customers done]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	metrics = "up 1\n"
	if err := askWalks(t.Context(), address, all); err == nil || !strings.Contains(err.Error(), "tells nothing of shards") {
		t.Error(err)
	}
}

func TestAddressOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"10.0.0.1:9464": "10.0.0.1:9464", "[::]:9464": "node-3:9464",
		"0.0.0.0:9464": "node-3:9464", ":1": "node-3:1", "": "", "x": ""} {
		got, ok := addressOf(kafka.Member{About: kafka.About{Instance: "node-3/17", Address: address}})
		if got != want || ok != (want != "") {
			t.Errorf("%q is asked at %q, want %q", address, got, want)
		}
	}
}

// TestWalkStored: a stopped store tells how far its walk was.
func TestWalkStored(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Store.Dir = t.TempDir()
	if got := walkStored(c, 0); got != "not known: no instance that has it answers" {
		t.Error(got)
	}
	st, err := store.Open(store.Config{Dir: processor.StoreDir(c.Store.Dir, 0), Table: bare(), CacheBytes: 1 << 20,
		Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		customer, err := st.Customer(events.CustomerID(fmt.Sprint("c", i)))
		if err != nil {
			t.Fatal(err)
		}
		st.Changed(customer)
	}
	if got := walkStored(c, 0); !strings.Contains(got, "not known: open the store of shard 0") {
		t.Error(got)
	}
	at := store.Positions{Genesis: store.Genesis{Format: store.Format, App: "shop", Shards: 1},
		Walk: store.Walk{Active: true, After: "c6"}}
	if err := errors.Join(st.Checkpoint(at), st.Wait(), st.Close()); err != nil {
		t.Fatal(err)
	}
	if got, want := walkStored(c, 0), "7 of 9 customers done, when it stopped"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
