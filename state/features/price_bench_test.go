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
// none is configured, with that of a shop, and with fifty rules. The touchpoints are of the mix of a shop
// (half of them pages, a tenth orders), 20 a customer in 45 days, of
// whom few come often, as Zipf has it. Bytes are what the rules' states take when they are written, at the median and at most.
func BenchmarkTouchpoint(b *testing.B) {
	const books = "../../rulebooks/"
	for _, x := range [][2]string{{"none", ""}, {"default", books + "department-store.yaml"}, {"retail", books + "retail.yaml"},
		{"fifty", "testdata/fifty.yaml"}} {
		b.Run("rules="+x[0], func(b *testing.B) { benchmarkTouchpoint(b, x[1]) })
	}
}

const (
	benchPeople = 5000
	benchEvents = 20 * benchPeople
	benchStep   = 45 * 86_400_000 / benchEvents
)

func benchmarkTouchpoint(b *testing.B, file string) {
	book := propose(b, "rulebook=none")
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		book.Settings["rules"], book.Features["rules"] = string(text), 1
	}
	table := table(b, book)
	list, who := benchCourse()
	customers := make([]*state.Customer, benchPeople)
	sp := state.NewSpeaker(func(*events.Statement) {})
	n := len(list)
	b.ReportAllocs()
	for b.Loop() {
		if n == len(list) {
			b.StopTimer()
			for i := range customers {
				customers[i] = table.New(events.CustomerID(fmt.Sprint("c", i)))
			}
			n = 0
			b.StartTimer()
		}
		c, e := customers[who[n]], list[n]
		n++
		c.Pass(e.Time, sp)
		c.Take(&e)
		c.Step(&e, e.Time, sp)
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

// benchCourse is touchpoints in order of time, and whose they are.
func benchCourse() (list []events.Event, who []int) {
	rng := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rng, 1.05, 30, benchPeople-1)
	clock := events.Instant(1_767_225_600_000)
	for n := range benchEvents {
		clock += benchStep
		i := int(zipf.Uint64())
		e := events.Event{Customer: events.CustomerID(fmt.Sprint("c", i)), Time: clock, ID: fmt.Sprint("m", n), Channel: "web"}
		item := events.Item{ProductID: fmt.Sprint("p", rng.IntN(5000)), Category: fmt.Sprint("Shoes/", rng.IntN(40)), Quantity: 1000, Price: 4990}
		switch k := rng.IntN(1000); {
		case k < 480:
			e.Type = events.PageViewed
		case k < 700:
			e.Type, e.Items = events.ProductViewed, []events.Item{item}
		case k < 800:
			e.Type, e.Items = events.ProductAdded, []events.Item{item}
			e.Rest = fmt.Appendf(nil, `{"cart_id":"cart-%d"}`, n)
		case k < 900:
			e.Type, e.Items = events.OrderCompleted, []events.Item{item, {ProductID: "p7", Category: "Care", Quantity: 2000, Price: 1990}}
			e.Order = events.Order{ID: fmt.Sprint("o", n), Value: 8970, Stated: true}
		case k < 960:
			e.Type = events.EmailOpened
		case k < 985:
			e.Type = events.EmailLinkClicked
		default:
			e.Type = events.ComplaintReceived
		}
		e.Name = e.Type.Name()
		if len(e.Items) > 0 {
			e.Order.Currency = events.Currency{'H', 'K', 'D'}
		}
		list, who = append(list, e), append(who, i)
	}
	return list, who
}
