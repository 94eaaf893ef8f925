package features_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
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
		book.Settings["rules"], book.Features["rules"] = string(text), 1
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

// course makes the touchpoints of a mix, some thousand at a time: list, and whose they are.
type course struct {
	mix
	list []events.Event
	who  []int
	at   int // how many of list were used

	rng  *rand.Rand
	zipf *rand.Zipf
	n    int
	text []byte // what the strings of list are parts of
}

// next makes more; it reports whether they are the first of a new round.
func (g *course) next() (first bool) {
	total := 20 * g.people
	if first = g.n%total == 0; first {
		g.rng = rand.New(rand.NewPCG(1, 2))
		g.zipf = rand.NewZipf(g.rng, 1.05, 30, uint64(g.people-1))
		g.n = 0
	}
	g.list, g.who, g.at = g.list[:0], g.who[:0], 0
	g.text = make([]byte, 0, 8<<20)
	for range min(20_000, total-g.n) {
		g.touchpoint()
		g.n++
	}
	return first
}

// write is a text that lives as long as text, as what is decoded lives as long as its batch.
func (g *course) write(format string, args ...any) string {
	from := len(g.text)
	g.text = fmt.Appendf(g.text, format, args...)
	return string(g.text[from:len(g.text):len(g.text)])
}

func (g *course) touchpoint() {
	r := g.rng
	i := int(g.zipf.Uint64())
	e := events.Event{Customer: events.CustomerID(g.write("c-%08d", i)), ID: g.write("m-%010d", g.n),
		Content: r.Uint64(), Channel: "web", Time: benchStart + events.Instant(g.n*(45*86_400/20)/g.people)*1000}
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
	g.list, g.who = append(g.list, e), append(g.who, i)
}

var benchCategories = []string{"apparel", "shoes", "electronics", "home", "beauty", "sports", "toys", "grocery", "books", "garden",
	"jewelry", "pets"}

// properties are those of the bench.
func (g *course) properties(e *events.Event, who int) {
	r := g.rng
	e.Links.Anonymous = g.write("a-%x", r.Uint32())
	campaign := g.write(`"campaign":{"source":"newsletter","medium":"cpc","name":"spring-%d"}`, r.IntN(40))
	category := func() string { return benchCategories[(who+r.IntN(5))%len(benchCategories)] }
	item := func() events.Item {
		return events.Item{ProductID: g.write("p-%d", r.IntN(5000)), Category: category(),
			Quantity: events.Milli(1000 * (1 + r.IntN(3))), Price: int64(199 + r.IntN(9000))}
	}
	switch e.Type {
	case events.OrderCompleted:
		e.Items = []events.Item{item(), item(), item()}
		e.Order = events.Order{ID: g.write("o-%010d", g.n), Stated: true}
		for _, it := range e.Items {
			e.Order.Value += it.Price * int64(it.Quantity) / 1000
		}
		e.Rest = []byte(g.write("{%s}", campaign))
	case events.ProductViewed, events.ProductAdded:
		e.Items = []events.Item{item()}
		e.Rest = []byte(g.write(`{"list":"catalog","url":"https://shop.example.com/p/%d","products":[{"name":"Ceramic Mug"}],%s}`,
			r.IntN(5000), campaign))
	default:
		e.Rest = []byte(g.write(`{"path":"/c/%s/%d","title":"Shop the best of %s | Example Store",`+
			`"referrer":"https://www.example.com/search?q=%d","scroll_depth":%d,%s}`, category(), r.IntN(100_000), category(),
			r.Int32(), r.IntN(100), campaign))
	}
	if len(e.Items) > 0 {
		e.Order.Currency = events.Currency{'H', 'K', 'D'}
	}
}

// cart is what the second mix has.
func (g *course) cart(e *events.Event) {
	r := g.rng
	item := events.Item{ProductID: g.write("p%d", r.IntN(5000)), Category: g.write("Shoes/%d", r.IntN(40)), Quantity: 1000,
		Price: 4990}
	switch e.Type {
	case events.ProductViewed:
		e.Items = []events.Item{item}
	case events.ProductAdded:
		e.Items, e.Rest = []events.Item{item}, []byte(g.write(`{"cart_id":"cart-%d"}`, g.n))
	case events.OrderCompleted:
		e.Items = []events.Item{item, {ProductID: "p7", Category: "Care", Quantity: 2000, Price: 1990}}
		e.Order = events.Order{ID: g.write("o%d", g.n), Value: 8970, Stated: true}
	}
	if len(e.Items) > 0 {
		e.Order.Currency = events.Currency{'H', 'K', 'D'}
	}
}
