package hostile

import (
	"strings"

	"github.com/touchfold/touchfold/events"
)

// identities are faults of ids and customers.
func identities() []Case {
	page := func(members string) string { return `{"type":"page",` + members + `}` }
	long := strings.Repeat("x", events.MaxID)
	return []Case{
		refused("no customer", events.NoCustomer, page(`"messageId":"m"`)),
		refused("empty userId", events.NoCustomer, page(`"userId":""`)),
		refused("blank userId", events.NoCustomer, page(`"userId":" \t "`)),
		refused("userId is an object", events.NoCustomer, page(`"userId":{},"anonymousId":"a"`)),
		refused("userId is a fraction", events.NoCustomer, page(`"userId":1.5`)),
		refused("userId is true", events.NoCustomer, page(`"userId":true`)),
		refused("NUL in userId", events.NoCustomer, page(`"userId":"a\u0000b"`)),
		refused("DEL in userId", events.NoCustomer, page(`"userId":"a\u007fb"`)),
		refused("userId too long", events.NoCustomer, page(`"userId":"`+long+`x"`)),
		accepted("userId just not too long", events.CustomerID(long), page(`"userId":"`+long+`"`)),
		accepted("userId is an integer", "12345678901234567890", page(`"userId":12345678901234567890`)),
		accepted("userId with spaces", " c ", page(`"userId":" c "`)),
		accepted("userId with a slash and dots", "../../etc/passwd", page(`"userId":"../../etc/passwd"`)),
		accepted("anonymous", "anon:a", page(`"userId":"","anonymousId":"a"`)),
		refused("empty anonymousId", events.NoCustomer, page(`"anonymousId":""`)),
		refused("messageId is an array", events.NoID, page(`"userId":"c","messageId":[]`)),
		refused("control character in messageId", events.NoID, page(`"userId":"c","messageId":"\u001b[2J"`)),
		accepted("empty messageId", "c", page(`"userId":"c","messageId":""`)),
	}
}

// times are faults of times.
func times() []Case {
	at := func(name string, reason events.Reason, text string) Case {
		return refused("time "+name, reason, viewed(`"timestamp":`+text))
	}
	ok := func(name, text string) Case { return accepted("time "+name, "c", viewed(`"timestamp":`+text)) }
	return []Case{
		at("in year 0", events.BadTime, `"0000-01-01T00:00:00Z"`),
		at("in year 9999", events.FutureTime, `"9999-12-31T23:59:59Z"`),
		at("in year 10000", events.BadTime, `"10000-01-01T00:00:00Z"`),
		at("just before 1970", events.BadTime, `"1969-12-31T23:59:59.999Z"`),
		at("before 1970 by its offset", events.BadTime, `"1970-01-01T00:00:00+00:01"`),
		ok("at 1970", `"1970-01-01T00:00:00Z"`),
		at("just too far ahead", events.FutureTime, `"2026-05-28T20:31:40.001Z"`),
		ok("just not too far ahead", `"2026-05-28T20:31:40Z"`),
		ok("leap second", `"2016-12-31T23:59:60Z"`),
		at("leap second within a day", events.BadTime, `"2016-12-31T12:59:60Z"`),
		ok("with offset, lower case", `"2026-05-28t22:26:40.123456789+02:00"`),
		at("at the second 61", events.BadTime, `"2016-12-31T23:58:61Z"`),
		at("on 30 February", events.BadTime, `"2024-02-30T00:00:00Z"`),
		at("on 29 February 2100", events.BadTime, `"2100-02-29T00:00:00Z"`),
		ok("on 29 February 2000", `"2000-02-29T00:00:00Z"`),
		at("at 24:00", events.BadTime, `"2024-02-29T24:00:00Z"`),
		at("without zone", events.BadTime, `"2024-02-29T10:00:00"`),
		at("with a space", events.BadTime, `"2024-02-29 10:00:00Z"`),
		at("as a number", events.BadTime, `1700000000000`),
		at("empty", events.BadTime, `""`),
		at("as an object", events.BadTime, `{}`),
		refused("corrected to before 1970", events.BadTime,
			viewed(`"originalTimestamp":"1970-01-01T00:00:00Z","sentAt":"2026-01-01T00:00:00Z","receivedAt":"2025-01-01T00:00:00Z"`)),
		refused("sentAt unreadable", events.BadTime, viewed(`"originalTimestamp":"2026-01-01T00:00:00Z","sentAt":"x","receivedAt":"2026-01-01T00:00:00Z"`)),
	}
}

// amounts are faults of money.
func amounts() []Case {
	bad := func(properties string) Case {
		return refused("order with "+properties, events.BadAmount, sold(properties))
	}
	ok := func(properties string) Case { return accepted("order with "+properties, "c", sold(properties)) }
	return []Case{
		bad(`"total":1e400`), bad(`"total":"1e2147483648"`), bad(`"total":9223372036854775808`), bad(`"total":10000000000.01`),
		bad(`"total":"NaN"`), bad(`"total":"Infinity"`), bad(`"total":-1`), bad(`"total":"-0.001"`), bad(`"total":""`), bad(`"total":"12,50"`),
		bad(`"total":"$12"`), bad(`"total":" 12"`), bad(`"total":true`), bad(`"total":{}`), bad(`"total":[12]`), bad(`"total":1,"currency":"EURO"`),
		bad(`"total":1,"currency":7`), bad(`"products":"none"`), bad(`"products":[7]`), bad(`"products":[{"price":-1}]`),
		bad(`"products":[{"price":1,"quantity":-1}]`), bad(`"products":[{"price":1,"quantity":"many"}]`),
		bad(`"products":[{"price":9999999999,"quantity":9999999}]`), bad(`"total":1,"units":-1`),
		bad(`"products":[{"price":4e9},{"price":4e9},{"price":4e9}]`), bad(`"total":1e17`), bad(`"total":1e18`), bad(`"total":1e19`),
		bad(`"currency":"JPY","products":[{"price":68719476736,"quantity":268435456}]`), // 2^64 in all
		ok(`"currency":"JPY","products":[{"price":1e12}]`), ok(`"currency":"JPY","products":[{"price":1e11}]`),
		ok(`"total":-0`), ok(`"total":"-0.00"`), ok(`"total":1E5`), ok(`"total":"12.345"`), ok(`"total":1e-400`), ok(`"total":10000000000.00`),
		ok(`"total":null,"revenue":12`), ok(`"total":0.` + strings.Repeat("0", 5000) + `1e5001`), ok(`"total":1,"currency":"xyz"`),
		ok(`"total":1,"tax":"NaN"`), ok(`"products":[]`), ok(`"products":null`), ok(`"products":[{}]`),
		accepted("negative refund", "c", `{"type":"track","event":"Order Refunded","userId":"c","properties":{"total":-12}}`),
		accepted("unreadable price of a view", "c", `{"type":"track","event":"Product Viewed","userId":"c","properties":{"product_id":"p","price":"$12"}}`),
		accepted("negative amount of an unknown event", "c", `{"type":"track","event":"Teleported","userId":"c","properties":{"total":-12}}`),
	}
}
