package processor

import (
	"math"
	"runtime"

	"github.com/touchfold/touchfold/events"
)

// decoding makes events of records: each when it is its turn or, of a batch with many, some ahead, beside the fold. Which of
// both does not show: an event is a function of its record, of the time that the log had come to, and of the currency in
// force, and what was decoded ahead with another time or currency is decoded again.
type decoding struct {
	decoder  *events.Decoder
	event    events.Event // scratch
	notes    events.Notes // of what was decoded last
	currency events.Currency
	config   events.DecoderConfig

	other  *events.Decoder // that decodes ahead
	in     events.Currency // in which it does
	chunks chan []decoded  // to be filled
	filled chan []decoded  // in order; closed after the last one of a batch; nil while none is decoded ahead
	now    []decoded       // the chunk that is being folded
	at     int             // the next of it
}

// decoded is what became of a record.
type decoded struct {
	event    events.Event
	offset   events.Offset
	appended events.Instant // the time that the log had come to
	refusal  *events.Refusal
	notes    events.Notes
}

// usualAhead is from how many records on a batch is decoded ahead: less than a fetch of a backlog brings, and more than one of a
// shard that is not behind. On one processor there is no beside.
func usualAhead() int {
	if runtime.GOMAXPROCS(0) == 1 {
		return math.MaxInt
	}
	return 256
}

const (
	// aheadChunk is how many records are handed over at a time, and aheadChunks how many such there are: about 0.3 MB of events
	// in all.
	aheadChunk, aheadChunks = 64, 4
)

func newDecoding(c events.DecoderConfig) decoding {
	return decoding{decoder: events.NewDecoder(c), config: c}
}

// setCurrency sets the currency of amounts that name none, from the next record on.
func (d *decoding) setCurrency(c events.Currency) {
	d.currency = c
	d.decoder.SetCurrency(c)
}

// decode makes an event of a record, whose Append is the time that the log has come to. It is valid until the next one.
func (d *decoding) decode(r *events.Record) (*events.Event, *events.Refusal) {
	if x := d.find(r.Offset); x != nil && x.appended == r.Append && d.in == d.currency {
		d.notes = x.notes
		return &x.event, x.refusal
	}
	refusal := d.decoder.Decode(r, &d.event)
	d.notes = d.decoder.Notes()
	return &d.event, refusal
}

// find is what was decoded ahead of the record at an offset, nil if it was not.
func (d *decoding) find(offset events.Offset) *decoded {
	for d.filled != nil {
		for ; d.at < len(d.now); d.at++ {
			if x := &d.now[d.at]; x.offset == offset {
				return x
			}
		}
		if d.now != nil {
			d.chunks <- d.now // which has room for all
		}
		d.now, d.at = <-d.filled, 0
		if d.now == nil {
			d.filled = nil
		}
	}
	return nil
}

// ahead begins to decode a batch until end is called, before which none of its records may be released or changed. log is the time
// that the log has come to before it, and most the time to which it can.
func (d *decoding) ahead(records []events.Record, log, most events.Instant) (end func()) {
	if d.other == nil {
		d.other, d.chunks = events.NewDecoder(d.config), make(chan []decoded, aheadChunks)
		for range aheadChunks {
			d.chunks <- make([]decoded, aheadChunk)
		}
	}
	d.in = d.currency
	d.other.SetCurrency(d.in)
	filled, stop := make(chan []decoded, aheadChunks), make(chan struct{}) // there are never more, so it is never full
	d.filled = filled
	go func() { // end waits for it
		defer close(filled)
		for len(records) > 0 {
			select {
			case <-stop:
				return
			case chunk := <-d.chunks:
				n := min(len(records), aheadChunk)
				chunk = chunk[:n]
				for i := range chunk {
					log = d.fill(&chunk[i], records[i], log, most)
				}
				records = records[n:]
				filled <- chunk
			}
		}
	}()
	return func() {
		close(stop)
		if d.now != nil {
			d.chunks <- d.now
		}
		for chunk := range filled {
			d.chunks <- chunk
		}
		d.now, d.filled = nil, nil
	}
}

// fill decodes a record as of the time to which it brings the log, which it returns.
func (d *decoding) fill(x *decoded, r events.Record, log, most events.Instant) events.Instant {
	log = arrive(log, r.Append, most)
	r.Append = log
	x.refusal = d.other.Decode(&r, &x.event)
	x.offset, x.appended, x.notes = r.Offset, log, d.other.Notes()
	return log
}
