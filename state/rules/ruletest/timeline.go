package ruletest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
)

// Customer is whose timelines are drawn.
const Customer events.CustomerID = "c1"

// MaxEvents is how many events of his own a timeline has at most.
const MaxEvents = 40

// Timeline draws up to 40 events of one customer in the order of a timeline, half of the time around a change of the
// zone's clocks: bursts, equal instants, days apart, months apart; and among them up to twelve events of the world.
func Timeline(t *rapid.T, zone *time.Location) []events.Event {
	a := anchor(t, zone)
	gaps := pick(t, "pace", gapsOf("burst"), gapsOf("days"), gapsOf("all"))
	list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) events.Event {
		e := body(t, a)
		e.Time = pick(t, "gap", gaps...)
		return e
	}), pick(t, "at least", 0, 2, 8, 16, 30), MaxEvents).Draw(t, "events")
	if len(list) == 0 {
		return nil
	}
	var sum events.Instant
	for i := range list {
		sum += list[i].Time
		list[i].Time = sum
		list[i].ID, list[i].Content = fmt.Sprintf("e%d", i), uint64(i)
	}
	// One of them, but for the first, is put next to the anchor.
	near := rapid.IntRange(min(1, len(list)-1), len(list)-1).Draw(t, "at anchor")
	shift := a + pick(t, "beside", 0, -1, 1, -day, 20*minute, -20*minute) - list[near].Time
	for i := range list {
		list[i].Time += shift
	}
	list = append(list, catalogue(t, list)...)
	Sort(list)
	return list
}

// ofWorld is 1 of an event of the world, which comes behind the touchpoints of its instant.
func ofWorld(e events.Event) int {
	if e.Type.OfWorld() {
		return 1
	}
	return 0
}

// Sort puts events in the order of a timeline.
func Sort(list []events.Event) {
	slices.SortFunc(list, func(a, b events.Event) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(ofWorld(a), ofWorld(b)), strings.Compare(a.Sequence, b.Sequence),
			strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID))
	})
}

// anchor draws an instant worth being near to: half of the time one at which clocks change.
func anchor(t *rapid.T, zone *time.Location) events.Instant {
	if rapid.Bool().Draw(t, "clocks change") {
		return pick(t, "change", changes(zone)...)
	}
	return events.At(pick(t, "anchor",
		time.Date(2024, 1, 10, 12, 0, 0, 0, zone), time.Date(2024, 2, 29, 0, 0, 0, 0, zone),
		time.Date(2024, 3, 1, 0, 0, 0, 0, zone),
		time.Date(2025, 2, 28, 9, 0, 0, 0, zone), time.Date(2024, 12, 31, 23, 59, 59, 999e6, zone)))
}

func gapsOf(pace string) []events.Instant {
	short := []events.Instant{0, 1, second, 10 * minute, 30 * minute, hour, 4*hour - 1, 4 * hour, 4*hour + 1}
	long := []events.Instant{day, day - hour, day + hour, 23*hour + 30*minute, 2 * day, 7 * day, 7*day + 1, 10 * day, 30 * day}
	switch pace {
	case "burst":
		return short
	case "days":
		return append([]events.Instant{0}, long...)
	}
	return append(append(short, long...), 45*day, 90*day, 366*day)
}

// names are the events that are drawn, some more often; books name those of them that stand before the taking back.
var names = []string{"Product Viewed", "Product Viewed", "Product Viewed", "Order Completed", "Order Completed",
	"Order Completed", "Product Added", "Product Added", "Identify", "Identify", "Survey Completed", "Wheel Spun",
	"Order Refunded", "Order Cancelled", "Order Updated"}

// body draws what happened, without when and without an id.
func body(t *rapid.T, near events.Instant) events.Event {
	e := events.Event{Customer: Customer, Name: pick(t, "name", names...)}
	e.Type = events.TypeOf(e.Name)
	e.Channel = e.Type.About().Channel
	e.Sequence = pick(t, "sequence", "", "", "", "1", "2")
	e.Source = pick(t, "source", "", "", "pos")
	if e.Type == events.Identify {
		e.Traits = traits(t, near)
		return e
	}
	if chance(t, 3, "channel") {
		e.Channel = pick(t, "other channel", "pos", "app")
	}
	rest := properties(t, near)
	switch e.Type.About().Body {
	case events.Sale:
		e.Order.ID = pick(t, "order", "o1", "o2", "o3", "")
		e.Order.Currency = HKD
		e.Items = items(t, 0)
		if e.Order.Stated = !chance(t, 4, "not stated"); e.Order.Stated {
			e.Order.Value = pick[int64](t, "value", 10000, 20000, 30000, 12345, 0)
		}
		if chance(t, 6, "other currency") {
			e.Order.Currency = events.Currency{'U', 'S', 'D'}
		}
		e.Order.Units = pick[events.Milli](t, "units", 0, 0, 1000, 2500)
	case events.Basket:
		e.Items = items(t, 1)[:1]
		e.Order.Currency = HKD
	}
	if brands := brandsOf(t, e.Items); brands != "" {
		rest = append(rest, brands)
	}
	if len(rest) > 0 {
		e.Rest = []byte("{" + strings.Join(rest, ",") + "}")
	}
	return e
}

// properties draws what else was sent: members of a JSON object.
func properties(t *rapid.T, near events.Instant) (list []string) {
	add := func(name, value string) {
		if value != "" {
			list = append(list, `"`+name+`":`+value)
		}
	}
	add("color", pick(t, "color", "", `"red"`, `"blue"`, "null"))
	add("score", pick(t, "score", "", "1", "2", "3", "2.5", `"2"`, `"high"`, "2.0000001", "2.00000010", "1e13"))
	add("cart_id", pick(t, "cart", "", `"k1"`, `"k2"`, "1745012345678901248", "1745012345678909999"))
	if chance(t, 4, "due") {
		add("due", `"`+dateNear(t, near)+`"`)
	}
	if chance(t, 6, "nested") {
		add("where", `{"shop":`+pick(t, "shop", `"mk"`, `"ts"`)+`}`)
	}
	return list
}

func items(t *rapid.T, least int) []events.Item {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) events.Item {
		return events.Item{
			ProductID: pick(t, "product", "p1", "p2", "p3"),
			Category:  pick(t, "category", "shoes", "toys", ""),
			Quantity:  pick[events.Milli](t, "quantity", 1000, 2000, 650),
			Price:     pick[int64](t, "price", 10000, 5000, 1),
			Serial:    pick(t, "serial", "", "S1", "S2"),
			Warranty:  pick[int32](t, "warranty", 0, 1, 12),
		}
	}), least, 3).Draw(t, "items")
}

// brandsOf draws the brands of product lines: what the decoder leaves of each in Rest.
func brandsOf(t *rapid.T, items []events.Item) string {
	if len(items) == 0 || rapid.Bool().Draw(t, "no brands") {
		return ""
	}
	var lines []string
	for range items {
		lines = append(lines, pick(t, "brand", "{}", `{"brand":"acme"}`, `{"brand":"zeta"}`))
	}
	return `"products":[` + strings.Join(lines, ",") + "]"
}

func traits(t *rapid.T, near events.Instant) (list []events.Trait) {
	add := func(name, value string) {
		if value != "" {
			list = append(list, events.Trait{Name: name, Value: []byte(value)})
		}
	}
	add("age", pick(t, "age", "", "30", "41", `"41"`, "null"))
	if b := rapid.Bool().Draw(t, "birthday"); b {
		add("birthday", `"`+dateNear(t, near)+`"`)
	}
	add("city", pick(t, "city", "", `"Hong Kong"`, `"London"`, `["x"]`))
	add("timezone", pick(t, "timezone", "", `"Asia/Hong_Kong"`, `"America/New_York"`, `"Australia/Lord_Howe"`,
		`"Nowhere"`, "7"))
	return list
}

// dateNear draws a date whose day and month lie near an instant, mostly of another year.
func dateNear(t *rapid.T, near events.Instant) string {
	at := near.Time().AddDate(pick(t, "years", 0, -1, -30), 0, rapid.IntRange(-40, 40).Draw(t, "days"))
	switch rapid.IntRange(0, 9).Draw(t, "form") {
	case 7:
		return "1992-02-29"
	case 8:
		return at.Format(time.RFC3339)
	case 9:
		return "2001-02-29" // no date
	}
	return at.Format(time.DateOnly)
}
