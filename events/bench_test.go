package events_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	. "github.com/touchfold/touchfold/events"
)

// webShop writes n messages as a web shop's tracker sends them, 632 bytes each on average: pages, product views and
// cart changes, orders of three products, mail opened and clicked.
func webShop(n int) []Record {
	r := rand.New(rand.NewSource(7))
	pick := func(of ...string) string { return of[r.Intn(len(of))] }
	product := func(name string) string {
		return fmt.Sprintf(`{"product_id":"p-%d",%s"category":"%s","price":%d.%02d,"quantity":%d}`, r.Intn(5000), name,
			pick("apparel", "electronics", "home", "jewelry", "pets"), 1+r.Intn(90), r.Intn(100), 1+r.Intn(3))
	}
	records := make([]Record, n)
	for i := range records {
		event, call, properties := "Page Viewed", "page", ""
		switch x := r.Intn(1000); {
		case x < 480:
		case x < 700:
			event, call = "Product Viewed", "track"
		case x < 800:
			event, call = "Product Added", "track"
		case x < 900:
			event, call = "Order Completed", "track"
		case x < 960:
			event, call = "Email Opened", "track"
		default:
			event, call = "Email Link Clicked", "track"
		}
		switch event {
		case "Order Completed":
			lines := []string{product(""), product(""), product("")}
			properties = fmt.Sprintf(`"order_id":"o-%010d","currency":"EUR","products":[%s],"total":%d.%02d`, i, strings.Join(lines, ","), 10+r.Intn(500), r.Intn(100))
		case "Product Viewed", "Product Added":
			properties = fmt.Sprintf(`"list":"catalog","currency":"EUR","url":"https://shop.example.com/p/%d","products":[%s]`, r.Intn(5000), product(`"name":"Noise-Cancel Buds",`))
		default:
			properties = fmt.Sprintf(`"path":"/c/electronics/%d","title":"Shop the best of electronics | Example Store","referrer":"https://www.example.com/search?q=%d","scroll_depth":%d`,
				r.Intn(100_000), r.Int31(), r.Intn(100))
		}
		value := fmt.Sprintf(`{"messageId":"m-%010d","type":"%s","event":"%s","userId":"c-%08d","anonymousId":"a-%08x","timestamp":"%s",`+
			`"context":{"ip":"10.%d.%d.7","userAgent":"Mozilla/5.0 (%s) AppleWebKit/537.36 (KHTML) Chrome/126.0 Safari/537.36",`+
			`"locale":"en-US","campaign":{"source":"%s","medium":"%s","name":"spring-%d"},"library":{"name":"analytics.js","version":"4.2.1"}},"properties":{%s}}`,
			i, call, event, r.Intn(1_000_000), r.Uint32(), appended.Time().Add(-time.Duration(i)*time.Millisecond).Format("2006-01-02T15:04:05.000Z"),
			r.Intn(256), r.Intn(256), pick("Macintosh; Intel Mac OS X 10_15_7", "Linux; Android 14; Pixel 8"),
			pick("google", "newsletter", "instagram"), pick("cpc", "social", "email"), r.Intn(40), properties)
		records[i] = Record{Position: Position{"touchpoints", 0, Offset(i)}, Append: appended, Value: []byte(value)}
	}
	return records
}

func BenchmarkDecode(b *testing.B) {
	records := webShop(4096)
	bytes := 0
	for i := range records {
		bytes += len(records[i].Value)
	}
	b.SetBytes(int64(bytes / len(records)))
	b.ReportAllocs()
	d := NewDecoder(DecoderConfig{Currency: Currency{'E', 'U', 'R'}})
	var e Event
	for i := 0; b.Loop(); i++ {
		if refusal := d.Decode(&records[i%len(records)], &e); refusal != nil {
			b.Fatal(refusal)
		}
	}
}

func TestDecodeAllocates(t *testing.T) {
	records := webShop(1000)
	d := NewDecoder(DecoderConfig{Currency: Currency{'E', 'U', 'R'}})
	var e Event
	i := 0
	allocs := testing.AllocsPerRun(900, func() {
		if refusal := d.Decode(&records[i], &e); refusal != nil {
			t.Fatal(refusal)
		}
		i++
	})
	if allocs > 1 {
		t.Errorf("%v allocations per event, want one", allocs)
	}
}
