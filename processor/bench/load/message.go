package load

import (
	"fmt"
	"math/rand/v2"

	"github.com/touchfold/touchfold/events"
)

// Kind is one sort of touchpoint and how often it comes.
type Kind struct {
	Type, Event string // of the Segment message
	PerMille    int    // of all touchpoints
	properties  func(*message)
}

// Mix is what the touchpoints are. The shares add up to 1,000.
func Mix() []Kind {
	return []Kind{
		{"page", "Page Viewed", 480, (*message).page},
		{"track", "Product Viewed", 220, (*message).product},
		{"track", "Product Added", 100, (*message).product},
		{"track", "Order Completed", 100, (*message).order},
		{"track", "Email Opened", 60, (*message).page},
		{"track", "Email Link Clicked", 25, (*message).page},
		{"track", "Ticket Opened", 15, (*message).page},
	}
}

var (
	agents = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148",
		"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
	}
	sources    = []string{"search", "newsletter", "direct", "social", "affiliate", "referral", "marketplace", "sms"}
	media      = []string{"organic", "email", "none", "cpc", "post"}
	categories = []string{"garden", "kitchen", "toys", "books", "shoes", "sports", "beauty", "electronics", "grocery", "pets"}
	names      = []string{"Watering Can", "Kettle 1.7 l", "Wooden Train", "Atlas", "Trail Shoe", "Skipping Rope", "Hand Cream", "Headphones"}
)

// message writes one Segment message.
type message struct {
	b                []byte
	rng              *rand.Rand
	customer, number int
}

func (m *message) f(format string, args ...any) { m.b = fmt.Appendf(m.b, format, args...) }

func (m *message) pick(among []string) string { return among[m.rng.IntN(len(among))] }

// likes picks what lies near to a customer more often.
func (m *message) likes(among []string) string {
	return among[(m.customer+m.rng.IntN(3)*m.rng.IntN(3))%len(among)]
}

func (m *message) write(customer events.CustomerID, at events.Instant) {
	kind := m.kind()
	m.f(`{"messageId":"m-%010d","type":%q,"event":%q,"userId":%q,"anonymousId":"a-%08x","timestamp":%q,`,
		m.number, kind.Type, kind.Event, customer, m.rng.Uint32(), at)
	m.f(`"context":{"ip":"10.%d.%d.7","userAgent":%q,"locale":"en-GB",`, m.rng.IntN(256), m.rng.IntN(256), agents[m.customer%len(agents)])
	m.f(`"campaign":{"source":%q,"medium":%q,"name":"autumn-%d"},"library":{"name":"analytics.js","version":"4.2.1"}},"properties":{`,
		m.likes(sources), m.pick(media), m.rng.IntN(40))
	kind.properties(m)
	m.f(`}}`)
}

func (m *message) kind() Kind {
	x := m.rng.IntN(1000)
	for _, k := range Mix() {
		if x -= k.PerMille; x < 0 {
			return k
		}
	}
	panic("the shares of the touchpoints do not add up to 1,000")
}

func (m *message) page() {
	m.f(`"path":"/c/%s/%d","title":"The best of %s | Example Store","referrer":"https://www.example.com/search?q=%d","scroll_depth":%d`,
		m.pick(categories), m.rng.IntN(100_000), m.pick(categories), m.rng.Uint32(), m.rng.IntN(100))
}

func (m *message) product() {
	m.f(`"list":"catalog","currency":"EUR","url":"https://shop.example.com/p/%d","products":[`, m.rng.IntN(5000))
	m.item(m.pick(names))
	m.f(`]`)
}

func (m *message) order() {
	m.f(`"order_id":"o-%010d","currency":"EUR","products":[`, m.number)
	total := m.item("")
	m.f(`,`)
	total += m.item("")
	m.f(`,`)
	total += m.item("")
	m.f(`],"total":%d.%02d`, total/100, total%100)
}

// item writes a product and returns what it comes to, in cents.
func (m *message) item(name string) int {
	cents, quantity := 199+m.rng.IntN(9000), 1+m.rng.IntN(3)
	m.f(`{"product_id":"p-%d",`, m.rng.IntN(5000))
	if name != "" {
		m.f(`"name":%q,`, name)
	}
	m.f(`"category":%q,"price":%d.%02d,"quantity":%d}`, m.likes(categories), cents/100, cents%100, quantity)
	return cents * quantity
}
