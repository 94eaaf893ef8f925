package store

import (
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/wire"
)

// Offer is an event of the world and whom it is still to come to: who has one of the interests; of the first those after a
// customer.
type Offer struct {
	state.Mark
	Of    []state.Interest
	After events.CustomerID
}

const (
	offerTime  wire.Field = 1
	offerID    wire.Field = 2
	offerOf    wire.Field = 3
	offerAfter wire.Field = 4
)

func appendOffer(b []byte, o Offer) []byte {
	b, m := wire.Begin(b, posOffer)
	b = wire.AppendUint(b, offerTime, uint64(o.Time))
	b = wire.AppendFixed(b, offerID, o.ID)
	b = wire.AppendBytes(b, offerOf, state.AppendInterests(nil, o.Of))
	b = wire.AppendBytes(b, offerAfter, o.After)
	return wire.End(b, m)
}

func parseOffer(b []byte) (o Offer, err error) {
	r := wire.NewReader(b)
	for f, ok := r.Next(); ok && err == nil; f, ok = r.Next() {
		switch f {
		case offerTime:
			o.Time = events.Instant(r.Uint())
		case offerID:
			o.ID = r.Uint()
		case offerOf:
			o.Of, err = state.ParseInterests(r.Bytes())
		case offerAfter:
			o.After = events.CustomerID(r.String())
		}
	}
	if err == nil {
		err = r.Err()
	}
	return o, err
}
