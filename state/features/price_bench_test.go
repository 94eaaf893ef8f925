package features_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"unsafe"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules"
)

// BenchmarkTouchpoint is what a touchpoint in order costs its customer: without rules, with the rulebook that is in force where
// none is configured, with that of a shop, and with fifty rules. State bytes are what a customer's states take when they are
// written, at the median and at most. Run it with -benchtime 2000000x, or as many as the mix has.
func BenchmarkTouchpoint(b *testing.B) {
	const books = "../../rulebooks/"
	for _, m := range mixes {
		for _, x := range [][2]string{{"none", ""}, {"default", books + "department-store.yaml"}, {"retail", books + "retail.yaml"},
			{"fifty", "testdata/fifty.yaml"}} {
			b.Run("mix="+m.name+"/rules="+x[0], func(b *testing.B) { benchmarkTouchpoint(b, m, x[1]) })
		}
	}
}

// mix is touchpoints in order of time within 45 days, 20 a customer, of whom few come often, as Zipf has it. Of a thousand 480
// are pages, 220 products seen, 100 put into a cart, 100 orders, 60 and 25 e-mails opened and followed, 15 complaints.
type mix struct {
	name   string
	people int
	carts  bool
}

// The first is the workload of the bench: orders of three products, and other properties as a shop sends them. In the
// second every product put into a cart has a cart of its own that is never ordered, and one product is in every order: what
// rules wait for happens.
var mixes = []mix{{"bench", 100_000, false}, {"carts", 5000, true}}

const benchStart events.Instant = 1_767_225_600_000

func benchmarkTouchpoint(b *testing.B, m mix, file string) {
	book := propose(b, "rulebook=none")
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		book.Settings["rules"], book.Features["rules"] = string(text), rules.Version
	}
	table := table(b, book)
	customers := make([]*state.Customer, m.people)
	sp := state.NewSpeaker(func(*events.Statement) {})
	g := &course{mix: m}
	b.ReportAllocs()
	for b.Loop() {
		if g.at == len(g.list) {
			b.StopTimer()
			if g.next() {
				for i := range customers {
					customers[i] = table.New(events.CustomerID(fmt.Sprintf("c-%08d", i)))
				}
			}
			b.StartTimer()
		}
		c, e := customers[g.who[g.at]], &g.list[g.at]
		g.at++
		c.Pass(e.Time, sp)
		c.Take(e)
		c.Step(e, e.Time, sp)
	}
	b.StopTimer()
	if file == "" {
		return
	}
	var sizes []int
	for _, c := range customers {
		if c.Events() > 0 {
			sizes = append(sizes, len(c.AppendState(nil)))
		}
	}
	slices.Sort(sizes)
	b.ReportMetric(float64(sizes[len(sizes)/2]), "state-bytes/median")
	b.ReportMetric(float64(sizes[len(sizes)-1]), "state-bytes/most")
}

// course makes the touchpoints of a mix, some thousand at a time: list, and whose they are. As those that are decoded they live
// until there are more, and cost no memory then: what a customer costs the collector is not mixed with what they do.
type course struct {
	mix
	list []events.Event
	who  []int
	at   int // how many of list were used

	rng   *rand.Rand
	zipf  *rand.Zipf
	n     int
	text  []byte        // what the strings of list are parts of
	begun int           // where in it the last one begins
	items []events.Item // what the items of list are parts of
}

// next makes more; it reports whether they are the first of a new round.
func (g *course) next() (first bool) {
	const most = 20_000
	total := 20 * g.people
	if first = g.n%total == 0; first {
		g.rng = rand.New(rand.NewPCG(1, 2))
		g.zipf = rand.NewZipf(g.rng, 1.05, 30, uint64(g.people-1))
		g.n = 0
	}
	if g.text == nil {
		g.text, g.items = make([]byte, 0, 400*most), make([]events.Item, 0, 3*most)
		g.list, g.who = make([]events.Event, 0, most), make([]int, 0, most)
	}
	g.list, g.who, g.at, g.text, g.items = g.list[:0], g.who[:0], 0, g.text[:0], g.items[:0]
	for range min(most, total-g.n) {
		g.touchpoint()
		g.n++
	}
	return first
}

// begin begins a text with some letters, str, num and hex go on with it, and end is it.
func (g *course) begin(s string) *course {
	g.begun = len(g.text)
	return g.str(s)
}

func (g *course) str(s string) *course {
	g.text = append(g.text, s...)
	return g
}

func (g *course) num(n int) *course {
	g.text = strconv.AppendInt(g.text, int64(n), 10)
	return g
}

func (g *course) hex(n uint32) *course {
	g.text = strconv.AppendUint(g.text, uint64(n), 16)
	return g
}

// bytes is the text; there is room for all of list's, so that it stays where it is.
func (g *course) bytes() []byte { return g.text[g.begun:len(g.text):len(g.text)] }

func (g *course) end() string {
	b := g.bytes()
	return unsafe.String(unsafe.SliceData(b), len(b))
}

func (g *course) touchpoint() {
	r := g.rng
	i := int(g.zipf.Uint64())
	e := events.Event{Customer: events.CustomerID(g.begin("c-").num(100_000_000 + i).end()),
		ID: g.begin("m-").num(1_000_000_000 + g.n).end(), Content: r.Uint64(), Channel: "web", Time: benchStart + events.Instant(g.n*(45*86_400/20)/g.people)*1000}
	switch k := r.IntN(1000); {
	case k < 480:
		e.Type = events.PageViewed
	case k < 700:
		e.Type = events.ProductViewed
	case k < 800:
		e.Type = events.ProductAdded
	case k < 900:
		e.Type = events.OrderCompleted
	case k < 960:
		e.Type = events.EmailOpened
	case k < 985:
		e.Type = events.EmailLinkClicked
	default:
		e.Type = events.ComplaintReceived
	}
	e.Name = e.Type.Name()
	if g.carts {
		g.cart(&e)
	} else {
		g.properties(&e, i)
	}
	if len(e.Items) > 0 {
		e.Order.Currency = events.Currency{'H', 'K', 'D'}
	}
	g.list, g.who = append(g.list, e), append(g.who, i)
}

// add adds an item to e.
func (g *course) add(e *events.Event, it events.Item) {
	g.items = append(g.items, it)
	n := len(g.items)
	e.Items = g.items[n-len(e.Items)-1 : n : n]
}

var benchCategories = []string{"apparel", "shoes", "electronics", "home", "beauty", "sports", "toys", "grocery", "books", "garden",
	"jewelry", "pets"}

// properties are those of the bench.
func (g *course) properties(e *events.Event, who int) {
	r := g.rng
	e.Links.Anonymous = g.begin("a-").hex(r.Uint32()).end()
	category := func() string { return benchCategories[(who+r.IntN(5))%len(benchCategories)] }
	campaign := func() {
		g.str(`"campaign":{"source":"newsletter","medium":"cpc","name":"spring-`).num(r.IntN(40)).str(`"}}`)
		e.Rest = g.bytes()
	}
	item := func() {
		product := g.begin("p-").num(r.IntN(5000)).end()
		g.add(e, events.Item{ProductID: product, Category: category(), Quantity: events.Milli(1000 * (1 + r.IntN(3))),
			Price: int64(199 + r.IntN(9000))})
	}
	switch e.Type {
	case events.OrderCompleted:
		e.Order = events.Order{ID: g.begin("o-").num(1_000_000_000 + g.n).end(), Stated: true}
		for range 3 {
			item()
		}
		for _, it := range e.Items {
			e.Order.Value += it.Price * int64(it.Quantity) / 1000
		}
		g.begin("{")
	case events.ProductViewed, events.ProductAdded:
		item()
		g.begin(`{"list":"catalog","url":"https://shop.example.com/p/`).num(r.IntN(5000)).
			str(`","products":[{"name":"Ceramic Mug"}],`)
	default:
		g.begin(`{"path":"/c/`).str(category()).str("/").num(r.IntN(100_000)).str(`","title":"Shop the best of `).str(category()).
			str(` | Example Store","referrer":"https://www.example.com/search?q=`).num(int(r.Int32())).
			str(`","scroll_depth":`).num(r.IntN(100)).str(",")
	}
	campaign()
}

// cart is what the second mix has.
func (g *course) cart(e *events.Event) {
	r := g.rng
	item := events.Item{ProductID: g.begin("p").num(r.IntN(5000)).end(), Category: g.begin("Shoes/").num(r.IntN(40)).end(),
		Quantity: 1000, Price: 4990}
	switch e.Type {
	case events.ProductViewed:
		g.add(e, item)
	case events.ProductAdded:
		g.add(e, item)
		e.Rest = g.begin(`{"cart_id":"cart-`).num(g.n).str(`"}`).bytes()
	case events.OrderCompleted:
		g.add(e, item)
		g.add(e, events.Item{ProductID: "p7", Category: "Care", Quantity: 2000, Price: 1990})
		e.Order = events.Order{ID: g.begin("o").num(g.n).end(), Value: 8970, Stated: true}
	}
}
