package kafka

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	fkgo "github.com/twmb/franz-go/pkg/kgo"

	"github.com/touchfold/touchfold/events"
)

// TestReadBatches: each record batch comes as one, with its head, of whoever wrote it and however; of those that the
// bounds cut only the records between them come, and a batch without any does not.
func TestReadBatches(t *testing.T) {
	t.Parallel()
	addrs := brokers(t)
	c := testClient(t, addrs)
	topic := newTopic(t, c, 1)
	ctx := testContext(t)
	a := newProducer(t, c, topic, "a")
	var want []Head
	add := func(n int, id int64, epoch int16) {
		base := events.Offset(0)
		if len(want) > 0 {
			base = want[len(want)-1].Last + 1
		}
		want = append(want, Head{Base: base, Last: base + events.Offset(n-1), ProducerID: id, Epoch: epoch})
	}
	for i := range 9 {
		n := 1 + i%3
		switch i {
		case 3: // somebody else, without an id
			if _, err := c.Append(ctx, topic, 0, out("x", "y", "z")[:n]); err != nil {
				t.Fatal(err)
			}
			add(n, -1, -1)
			continue
		case 5: // another epoch
			a = newProducer(t, c, topic, "a")
		}
		if _, err := a.Append(ctx, out("p", "q", "r")[:n]); err != nil {
			t.Fatal(err)
		}
		add(n, a.ID(), a.Epoch())
	}
	// A compressed one of another make.
	w := franz(t, addrs, fkgo.ProducerBatchCompression(fkgo.Lz4Compression()), fkgo.DisableIdempotentWrite())
	if err := w.ProduceSync(ctx, &fkgo.Record{Topic: topic, Value: []byte("a")}, &fkgo.Record{Topic: topic, Value: []byte("b")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r, err := c.Range(ctx, topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	for at := want[len(want)-1].Last + 1; at < r.End; at = want[len(want)-1].Last + 1 { // franz-go may have made one or two
		h, err := c.BatchAt(ctx, topic, 0, at)
		if err != nil {
			t.Fatal(err)
		}
		add(int(h.Last-h.Base)+1, -1, -1)
	}

	crcs := make(map[events.Offset]uint32)
	for from := range r.End {
		for to := from + 1; to <= r.End; to++ {
			if err := readsAs(c, t, topic, from, to, want, crcs); err != nil {
				t.Fatalf("from %d to before %d: %v", from, to, err)
			}
		}
	}
	for _, h := range want {
		for at := h.Base; at <= h.Last; at++ {
			got, err := c.BatchAt(ctx, topic, 0, at)
			h.CRC = crcs[h.Base]
			if err != nil || got != h {
				t.Errorf("at %d: %+v instead of %+v, %v", at, got, h, err)
			}
		}
	}
}

// readsAs compares what is read between two offsets with the batches that were written.
func readsAs(c *Client, t *testing.T, topic string, from, to events.Offset, want []Head, crcs map[events.Offset]uint32) error {
	at := from
	var heads []Head
	err := c.ReadBatches(testContext(t), topic, 0, from, to, func(h Head, recs []events.Record) error {
		for _, r := range recs {
			if r.Offset != at || at < h.Base || at > h.Last {
				return fmt.Errorf("record %d where %d is due, in %+v", r.Offset, at, h)
			}
			at++
		}
		if len(recs) == 0 || h.CRC == 0 || crcs[h.Base] != 0 && crcs[h.Base] != h.CRC {
			return fmt.Errorf("%d records in %+v", len(recs), h)
		}
		crcs[h.Base] = h.CRC
		h.CRC = 0
		heads = append(heads, h)
		return nil
	})
	between := slices.DeleteFunc(slices.Clone(want), func(h Head) bool { return h.Last < from || h.Base >= to })
	if err == nil && (at != to || !slices.Equal(heads, between)) {
		err = fmt.Errorf("read up to %d: %+v instead of %+v", at, heads, between)
	}
	return err
}

// TestReadBatchesEnds: an error of the callback ends it and comes out as it is.
func TestReadBatchesEnds(t *testing.T) {
	t.Parallel()
	c := testClient(t, brokers(t))
	topic := newTopic(t, c, 1)
	write(t, c, topic, 0, "0", "1", "2")
	mine, n := errors.New("enough"), 0
	err := c.ReadBatches(testContext(t), topic, 0, 0, 3, func(Head, []events.Record) error {
		if n++; n == 2 {
			return mine
		}
		return nil
	})
	if err != mine || n != 2 {
		t.Errorf("%v after %d batches", err, n)
	}
}
