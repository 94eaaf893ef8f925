package processor

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/touchfold/touchfold/events"
)

// TestDecodedAhead: what is decoded ahead is what the fold would have decoded, wherever it ends, whatever it passes over, if
// the log's time is another than was foreseen, and when the currency changes on the way.
func TestDecodedAhead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	plain, both := newDecoding(events.DecoderConfig{}), newDecoding(events.DecoderConfig{})
	currencies := []events.Currency{{'E', 'U', 'R'}, {'J', 'P', 'Y'}}
	log := events.Instant(1_750_000_000_000)
	used, again := 0, 0
	for range 300 {
		plain.setCurrency(currencies[0])
		both.setCurrency(currencies[0])
		records := madeUpRecords(r, log)
		most := log + 40_000
		end := both.ahead(records, log, most)
		changes, last := r.IntN(2*len(records)), r.IntN(2*len(records))
		for i, record := range records {
			if i == changes {
				plain.setCurrency(currencies[1])
				both.setCurrency(currencies[1])
			}
			if i == last {
				break
			}
			most += events.Instant(r.IntN(20)) // our clock goes on
			log = arrive(log, record.Append, most)
			if r.IntN(10) == 0 { // a control, which is not decoded
				continue
			}
			record.Append = log
			want, no := plain.decode(&record)
			got, not := both.decode(&record)
			if !reflect.DeepEqual(no, not) || no == nil && !reflect.DeepEqual(want, got) || plain.notes != both.notes {
				t.Fatalf("%+v %v %v, ahead %+v %v %v", want, no, plain.notes, got, not, both.notes)
			}
			if got == &both.event {
				again++
			} else {
				used++
			}
		}
		end()
		if len(both.chunks) != aheadChunks {
			t.Fatalf("%d chunks of %d came back", len(both.chunks), aheadChunks)
		}
	}
	if used < again || again == 0 {
		t.Errorf("%d records were decoded ahead, %d again", used, again)
	}
}

func madeUpRecords(r *rand.Rand, log events.Instant) []events.Record {
	all := make([]events.Record, 1+r.IntN(700))
	for i := range all {
		value := fmt.Sprintf(`{"type":"track","userId":"c%d","messageId":"%d","event":"Order Completed","properties":{"order_id":"o%d","revenue":%d.%02d,"products":[{"product_id":"p%d","price":3}]}}`,
			r.IntN(9), i, i, r.IntN(99), r.IntN(99), r.IntN(9))
		if r.IntN(9) == 0 {
			value = value[:r.IntN(len(value))]
		}
		log += events.Instant(r.IntN(300) - 50)
		all[i] = events.Record{Position: events.Position{Topic: "t", Offset: events.Offset(i)}, Append: log, Value: []byte(value)}
	}
	return all
}
