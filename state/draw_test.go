package state_test

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/config/rulefile"
	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/rulebooks/thresholds"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/engagement"
	"github.com/touchfold/touchfold/state/lifecycle"
	"github.com/touchfold/touchfold/state/profile"
	"github.com/touchfold/touchfold/state/purchases"
	book "github.com/touchfold/touchfold/state/rules"
)

var (
	hkd = events.Currency{'H', 'K', 'D'}
	usd = events.Currency{'U', 'S', 'D'}
	jpy = events.Currency{'J', 'P', 'Y'}
	kwd = events.Currency{'K', 'W', 'D'}
)

const (
	second = events.Instant(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// zones are those of the properties. Apia skipped 2011-12-30; São Paulo's summer time began at a midnight.
var zones = []string{"UTC", "Asia/Hong_Kong", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia"}

// calendars keeps one calendar a zone, for making one costs more than a property's case.
var calendars = struct {
	sync.Mutex
	of map[string]*state.Calendar
}{of: map[string]*state.Calendar{}}

func calendar(tb rapid.TB, zone string) *state.Calendar {
	tb.Helper()
	calendars.Lock()
	defer calendars.Unlock()
	if c := calendars.of[zone]; c != nil {
		return c
	}
	l, err := time.LoadLocation(zone)
	if err != nil {
		tb.Fatal(err)
	}
	calendars.of[zone] = state.NewCalendar(l)
	return calendars.of[zone]
}

// rules are the thresholds that a case draws, small enough that facts change often. They stand in the default rulebook.
type rules struct {
	zone       string
	vipOver    int64
	everyBlock bool
	atLeast    int
	potential  int64
	churnOver  int
	lapse      int // churnOver if 0
}

func (r rules) table(tb rapid.TB) *state.Table {
	tb.Helper()
	cal := calendar(tb, r.zone)
	r.lapse = cmp.Or(r.lapse, r.churnOver)
	who, bought, engaged := profile.Feature(), purchases.Feature(cal, hkd), engagement.Feature()
	ruled, _, faults := book.New(book.Config{Book: r.book(tb), Calendar: cal, Zones: state.NewZones(), Currency: hkd,
		Figures: purchases.Figures(bought, cal, hkd)})
	if len(faults) > 0 {
		tb.Fatal(faults)
	}
	stages := lifecycle.Config{Calendar: cal, LapseDays: r.lapse, Profile: who, Purchases: bought, Engagement: engaged}
	t, err := state.NewTable(who, bought, engaged, lifecycle.Feature(stages), ruled)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// book is the default rulebook with these thresholds.
func (r rules) book(tb rapid.TB) *book.Book {
	tb.Helper()
	often := "high_frequency"
	if r.everyBlock {
		often = "every_block"
	}
	text := thresholds.Rulebook("vip="+events.FormatMinor(r.vipOver, hkd), fmt.Sprint(often, "=", r.atLeast),
		"potential="+events.FormatMinor(r.potential, hkd), fmt.Sprint("churn_risk=", r.churnOver))
	b, err := rulefile.Parse("default", []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func drawRules(t *rapid.T) rules {
	return rules{
		zone:       rapid.SampledFrom(zones).Draw(t, "zone"),
		vipOver:    rapid.SampledFrom([]int64{0, 30000, 60000}).Draw(t, "vip over"),
		everyBlock: rapid.Bool().Draw(t, "every block"),
		atLeast:    rapid.SampledFrom([]int{1, 2, 3, 12}).Draw(t, "at least"),
		potential:  rapid.SampledFrom([]int64{0, 12000, 20000}).Draw(t, "potential"),
		churnOver:  rapid.SampledFrom([]int{1, 30, 183}).Draw(t, "churn over"),
		lapse:      rapid.SampledFrom([]int{0, 40, 700}).Draw(t, "lapse"),
	}
}

// edges are days around which calendars go wrong: leap days, changes of clocks, Apia's skipped day, turns of years.
var edges = []time.Time{
	time.Date(2012, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2011, 12, 30, 0, 0, 0, 0, time.UTC),
	time.Date(2011, 3, 27, 0, 0, 0, 0, time.UTC), time.Date(2011, 10, 16, 0, 0, 0, 0, time.UTC),
	time.Date(2012, 2, 26, 0, 0, 0, 0, time.UTC), time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(2010, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2012, 10, 28, 0, 0, 0, 0, time.UTC),
}

// drawTime draws an instant of 2010 to 2012, mostly near a midnight of the zone.
func drawTime(t *rapid.T, zone *time.Location) events.Instant {
	d := time.Date(2010, 1, 1+rapid.IntRange(0, 1090).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
	if rapid.IntRange(0, 3).Draw(t, "edge") == 0 {
		d = rapid.SampledFrom(edges).Draw(t, "which").AddDate(0, 0, rapid.IntRange(-1, 1).Draw(t, "beside"))
	}
	midnight := events.At(time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, zone))
	return midnight + rapid.SampledFrom([]events.Instant{0, 0, -1, 1, hour, 12 * hour, 90 * minute}).Draw(t, "time of day")
}

// kinds are what a customer does, as often as it stands here.
var kinds = []events.Type{
	events.OrderCompleted, events.OrderCompleted, events.OrderCompleted, events.OrderCompleted, events.OrderCompleted,
	events.OrderCompleted, events.OrderCompleted, events.OrderUpdated, events.OrderUpdated, events.OrderRefunded,
	events.OrderRefunded, events.OrderRefunded, events.OrderCancelled, events.PageViewed, events.PageViewed, events.PageViewed,
	events.EmailSent, events.EmailOpened, events.EmailLinkClicked, events.Identify, events.Identify, events.Alias, events.Group,
	events.ConsentGranted, events.CallCompleted, events.Unknown,
}

// drawEvents draws a customer's events in any order, at most so many. An event may come again, identical or with another
// time or content; the same id may come from two sources; no two bodies share a content hash.
func drawEvents(t *rapid.T, zone *time.Location, most int) []events.Event {
	n := rapid.IntRange(1, most).Draw(t, "events")
	list := make([]events.Event, 0, n)
	for i := range n {
		if i > 0 && rapid.IntRange(0, 9).Draw(t, "again") == 0 {
			list = append(list, drawCopy(t, &list[rapid.IntRange(0, i-1).Draw(t, "of")], zone, uint64(i)))
			continue
		}
		at := drawTime(t, zone)
		if i > 0 && rapid.IntRange(0, 5).Draw(t, "same instant") == 0 {
			at = list[i-1].Time
		}
		e := drawBody(t)
		e.Time, e.Content = at, uint64(rapid.IntRange(1, 9).Draw(t, "content"))<<32|uint64(i)
		e.Source = rapid.SampledFrom([]string{"", "shop", "pos"}).Draw(t, "source")
		e.ID = fmt.Sprintf("e%d", i)
		if i > 0 && rapid.IntRange(0, 9).Draw(t, "shared id") == 0 {
			e.ID, e.Source = list[i-1].ID, list[i-1].Source+"2"
		}
		list = append(list, e)
	}
	return list
}

// drawHistory draws either of any events, or of a plain buyer's orders, a few to a hundred days apart.
func drawHistory(t *rapid.T, zone *time.Location) (list []events.Event) {
	if rapid.Bool().Draw(t, "anything") {
		return drawEvents(t, zone, 25)
	}
	at := drawTime(t, zone)
	gap := rapid.SampledFrom([]int64{3, 40, 100}).Draw(t, "gap")
	for i := range rapid.IntRange(1, 14).Draw(t, "orders") {
		e := events.Event{Customer: "c", Type: events.OrderCompleted, Name: "Order Completed", Channel: "web",
			ID: fmt.Sprintf("e%d", i), Time: at, Content: uint64(i)}
		e.Order = events.Order{Currency: hkd, Stated: true, Value: rapid.Int64Range(1, 30000).Draw(t, "value")}
		if rapid.IntRange(0, 5).Draw(t, "refund") == 0 {
			e.Type, e.Name = events.OrderRefunded, "Order Refunded"
		}
		list = append(list, e)
		at += events.Instant(rapid.Int64Range(0, gap).Draw(t, "days")) * day
	}
	return list
}

func drawCopy(t *rapid.T, of *events.Event, zone *time.Location, n uint64) events.Event {
	e := *of
	switch rapid.IntRange(0, 3).Draw(t, "copy") {
	case 0: // identical
	case 1: // another body
		e = drawBody(t)
		e.Source, e.ID, e.Time = of.Source, of.ID, of.Time
		e.Content = uint64(rapid.IntRange(1, 9).Draw(t, "content"))<<32 | n
	case 2: // another time
		e.Time = drawTime(t, zone)
		e.Content = uint64(rapid.IntRange(1, 9).Draw(t, "content"))<<32 | n
	case 3: // a little earlier or later
		e.Time += events.Instant(rapid.SampledFrom([]int64{-1, 1, -86_400_000, 86_400_000}).Draw(t, "moved"))
		e.Content = uint64(rapid.IntRange(1, 9).Draw(t, "content"))<<32 | n
	}
	return e
}

// drawBody draws what happened, without when and without an id.
func drawBody(t *rapid.T) events.Event {
	e := events.Event{Customer: "c", Type: rapid.SampledFrom(kinds).Draw(t, "type")}
	e.Name = e.Type.Name()
	e.Sequence = rapid.SampledFrom([]string{"", "", "", "1", "2", "10"}).Draw(t, "sequence")
	e.Channel = e.Type.About().Channel
	switch e.Type {
	case events.OrderCompleted, events.OrderUpdated, events.OrderRefunded, events.OrderCancelled:
		e.Order = drawOrder(t)
		e.Items = drawItems(t)
		e.Channel = rapid.SampledFrom([]string{"web", "pos", "app"}).Draw(t, "channel")
	case events.Identify:
		e.Traits = drawTraits(t)
		e.Links.Anonymous = rapid.SampledFrom([]string{"", "a1", "a2"}).Draw(t, "anonymous")
	case events.Alias:
		e.Links.Previous = rapid.SampledFrom([]string{"p1", "p2"}).Draw(t, "previous")
	case events.Group:
		e.Links.Group = rapid.SampledFrom([]string{"g1", "g2"}).Draw(t, "group")
		e.Traits = drawTraits(t)
	case events.Unknown:
		e.Name = rapid.SampledFrom([]string{"Wheel Spun", "x"}).Draw(t, "name")
	}
	if n := rapid.SampledFrom([]int{0, 0, 0, 40, 400, 9000}).Draw(t, "rest"); n > 0 {
		e.Rest = rest(n, uint64(rapid.IntRange(0, 9).Draw(t, "of rest")))
	}
	return e
}

// rest is a JSON object of about n bytes that hardly compresses.
func rest(n int, seed uint64) []byte {
	var b strings.Builder
	for x := seed; b.Len() < n; {
		x = x*6364136223846793005 + 1442695040888963407
		fmt.Fprintf(&b, "%016x", x)
	}
	return []byte(`{"x":"` + b.String() + `"}`)
}

func drawOrder(t *rapid.T) events.Order {
	o := events.Order{
		ID:       rapid.SampledFrom([]string{"", "o1", "o1", "o2", "o3", "o4", "o5"}).Draw(t, "order"),
		Currency: rapid.SampledFrom([]events.Currency{hkd, hkd, hkd, hkd, hkd, usd, jpy, kwd}).Draw(t, "currency"),
		Units:    events.Milli(rapid.SampledFrom([]int64{0, 1000, 650, 2500}).Draw(t, "units")),
	}
	if o.Currency == hkd {
		o.Defaulted = rapid.Bool().Draw(t, "defaulted")
	}
	if o.Stated = rapid.IntRange(0, 4).Draw(t, "stated") > 0; o.Stated {
		o.Value = int64(rapid.SampledFrom([]int{0, 1, 4999, 10000, 20000, 30000, 30001, 45000, 100000}).Draw(t, "value"))
	}
	return o
}

func drawItems(t *rapid.T) (items []events.Item) {
	for range rapid.IntRange(0, 3).Draw(t, "items") {
		items = append(items, events.Item{
			ProductID: rapid.SampledFrom([]string{"", "p1", "p2", "p3", "p4"}).Draw(t, "product"),
			Category:  rapid.SampledFrom([]string{"", "shoes"}).Draw(t, "category"),
			Quantity:  events.Milli(rapid.SampledFrom([]int64{1000, 650, 3000, 1}).Draw(t, "quantity")),
			Price:     rapid.Int64Range(0, 5000).Draw(t, "price"),
			Serial:    rapid.SampledFrom([]string{"", "S1"}).Draw(t, "serial"),
			Warranty:  rapid.Int32Range(0, 36).Draw(t, "warranty"),
		})
	}
	return items
}

func drawTraits(t *rapid.T) (traits []events.Trait) {
	for _, name := range []string{"", "age", "email"} {
		if v := rapid.SampledFrom([]string{"", "null", `"x"`, "41"}).Draw(t, "trait"); v != "" {
			traits = append(traits, events.Trait{Name: name, Value: []byte(v)})
		}
	}
	return traits
}

// own is a copy that may be given away: Take may shorten Rest.
func own(e *events.Event) *events.Event {
	x := *e
	x.Items, x.Traits = slices.Clone(e.Items), slices.Clone(e.Traits)
	return &x
}

// folded is a customer who has taken all of list and folded it at the end.
func folded(t *state.Table, list []events.Event) *state.Customer {
	c := t.New("c")
	for i := range list {
		c.Take(own(&list[i]))
	}
	c.Refold()
	return c
}

func lastOf(list []events.Event) (last events.Instant) {
	for i := range list {
		last = max(last, list[i].Time)
	}
	return last
}

// factsOf is every fact at an instant, in order of key.
func factsOf(c *state.Customer, at events.Instant) string {
	var lines []string
	c.Facts(at, func(key string, v state.Value) {
		if v != "" {
			lines = append(lines, key+"="+v)
		}
	})
	sort.Strings(lines)
	return strings.Join(lines, " ")
}

// digest is all that is known of a customer at an instant and what is due after it. It settles the customer, mute.
func digest(tb rapid.TB, c *state.Customer, at events.Instant) string {
	tb.Helper()
	c.Settle(at, "", state.NewSpeaker(nil))
	report, err := json.Marshal(c.Report(at))
	if err != nil {
		tb.Fatal(err)
	}
	return fmt.Sprintf("state %s\nfacts %s\ndue %s\nreport %s", hex.EncodeToString(c.AppendState(nil)), factsOf(c, at), c.Due(), report)
}

// instants are some at or after an instant at which to ask.
func instants(at events.Instant) []events.Instant {
	return []events.Instant{at, at + 1, at + 31*day, at + 200*day, at + 364*day, at + 800*day}
}

// reloaded writes a customer and reads it again.
func reloaded(tb rapid.TB, t *state.Table, c *state.Customer) *state.Customer {
	tb.Helper()
	var blocks [][]byte
	for n := range c.Sealed() {
		blocks = append(blocks, slices.Clone(c.Block(n)))
	}
	row := c.AppendRow(nil)
	back, err := t.Parse(c.ID(), row, func(_ events.CustomerID, n int, _ uint64, use func([]byte) error) bool { return use(blocks[n]) == nil })
	if err != nil {
		tb.Fatalf("read a row again: %v", err)
	}
	return back
}

// text is all fields of an event, to be compared.
func text(e *events.Event) string { return fmt.Sprintf("%q", fmt.Sprint(*e)) }
