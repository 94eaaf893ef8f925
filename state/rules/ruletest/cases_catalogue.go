package ruletest

import "github.com/touchfold/touchfold/state/rules"

var (
	wished     = of("Product Added to Wishlist")
	restocked  = of("Product Restocked")
	backInTime = rules.Catalogue{Event: restocked, Field: "item.product_id", Interest: wished, Within: dur(30, "d")}
	byAuthor   = rules.Catalogue{Event: of("Product Published"), Field: "item.author", Interest: ordered,
		Within: dur(1, "y"), Least: 2}
	rainy = rules.Catalogue{Event: of("Weather Observed", "properties.rain > 5.0"), Field: "properties.city",
		Interest: of("Identify"), Same: "traits.city", Within: dur(1, "y"), For: dur(6, "h")}
)

func back(change ...func(*rules.Catalogue)) *rules.Catalogue {
	c := backInTime
	for _, f := range change {
		f(&c)
	}
	return &c
}

// offers: which events of the catalogue and of the world meet whom, and for how long.
var offers = []row{
	{name: "catalogue: an interest of that value in the time before", on: on(back()),
		events: []string{"2024-03-01 10:00 Product Added to Wishlist i=p1", "2024-03-05 10:00 Product Restocked i=p2",
			"2024-03-05 11:00 Product Restocked i=p1", "2024-03-06 10:00 Product Restocked i=p3 i=p1"},
		happen: []string{"e3 2024-03-05 11:00", "e4 2024-03-06 10:00"}},
	{name: "catalogue: an interest counts up to before within has passed", on: on(back()),
		events: []string{"2024-03-01 10:00 Product Added to Wishlist i=p1", "2024-03-31 09:59:59.999 Product Restocked i=p1",
			"2024-03-31 10:00 Product Restocked i=p1", "2024-04-01 10:00 Product Restocked i=p1"},
		happen: []string{"e2 2024-03-31 09:59:59.999"}},
	{name: "catalogue: an interest of the same instant counts", on: on(back()),
		events: []string{"2024-03-01 10:00 Product Added to Wishlist i=p1 sequence=9", "2024-03-01 10:00 Product Restocked i=p1"},
		happen: []string{"e2 2024-03-01 10:00"}},
	{name: "catalogue: a later interest counts for nothing", on: on(back()),
		events: []string{"2024-03-01 10:00 Product Restocked i=p1", "2024-03-01 10:00:00.001 Product Added to Wishlist i=p1"}},
	{name: "catalogue: the days of within go by the business zone", zone: "Europe/London",
		on: on(back(func(c *rules.Catalogue) { c.Within = dur(1, "d") })),
		events: []string{"2024-03-30 10:00 Product Added to Wishlist i=p1", "2024-03-31 09:59 Product Restocked i=p1",
			"2024-03-31 10:00 Product Restocked i=p1"}, happen: []string{"e2 2024-03-31 09:59"}},
	{name: "catalogue: least counts lines within the time", on: on(&byAuthor),
		events: []string{`2023-01-01 10:00 Order Completed i=p1::::::"author":"A"`,
			`2024-01-01 10:00 Order Completed i=p2::::::"author":"A"`,
			`2024-01-02 10:00 Product Published i=p9::::::"author":"A"`, `2024-02-01 10:00 Order Completed i=p3::::::"author":"B"`,
			`2024-02-02 10:00 Product Published i=p8::::::"author":"A"`,
			`2024-03-01 10:00 Order Completed i=p4::::::"author":"A" i=p5::::::"author":"B"`,
			`2024-03-02 10:00 Product Published i=p7::::::"author":"A"`, `2024-03-03 10:00 Product Published i=p6::::::"author":"C"`},
		happen: []string{"e7 2024-03-02 10:00"}},
	{name: "catalogue: until ends an interest, which may come again", on: on(back(func(c *rules.Catalogue) {
		m := of("Product Removed from Wishlist|Order Completed")
		c.Until = &m
	})), events: []string{"2024-03-01 10:00 Product Added to Wishlist i=p1", "2024-03-02 10:00 Order Completed i=p2",
		"2024-03-03 10:00 Product Restocked i=p1", "2024-03-04 10:00 Product Removed from Wishlist i=p1",
		"2024-03-05 10:00 Product Restocked i=p1", "2024-03-06 10:00 Product Added to Wishlist i=p1",
		"2024-03-07 10:00 Product Restocked i=p1"},
		happen: []string{"e3 2024-03-03 10:00", "e7 2024-03-07 10:00"}},
	{name: "catalogue: of a trait what was last said counts", on: on(&rainy),
		events: []string{`2024-03-01 10:00 Identify t.city="x"`, `2024-03-02 10:00 Weather Observed p.city="x" p.rain=6`,
			`2024-03-03 10:00 Identify t.city="y"`, `2024-03-04 10:00 Weather Observed p.city="x" p.rain=6`,
			`2024-03-05 10:00 Identify t.age=7`, `2024-03-06 10:00 Weather Observed p.city="y" p.rain=5`,
			`2024-03-07 10:00 Weather Observed p.city="y" p.rain=5.1`},
		happen: []string{"e2 2024-03-02 10:00", "e7 2024-03-07 10:00"}},
	{name: "catalogue: as a condition it is true for a day", when: back(),
		events: []string{"2024-03-01 10:00 Product Added to Wishlist i=p1", "2024-03-05 11:00 Product Restocked i=p1",
			"2024-03-06 10:00 Product Restocked i=p1", "2024-03-06 11:00 Product Restocked i=p2"},
		no:  []string{"2024-03-01 10:00", "2024-03-05 10:59:59.999", "2024-03-07 10:00"},
		yes: []string{"2024-03-05 11:00", "2024-03-06 11:00", "2024-03-07 09:59:59.999"}},
	{name: "catalogue: or for so long", when: &rainy,
		events: []string{`2024-03-01 10:00 Identify t.city="x"`, `2024-03-02 10:00 Weather Observed p.city="x" p.rain=6`},
		no:     []string{"2024-03-02 16:00"}, yes: []string{"2024-03-02 10:00", "2024-03-02 15:59:59.999"}},
	{name: "catalogue: the same id happens once", on: on(back()),
		events: []string{"2024-03-01 10:00 Product Added to Wishlist i=p1 i=p2", "2024-03-05 11:00 Product Restocked i=p1 i=p2"},
		happen: []string{"e2 2024-03-05 11:00"}},
	{name: "catalogue: it is no event of the customer's", on: becomes(not(recent(1, "h"))),
		other: segment("o", back()),
		events: []string{"2024-03-01 10:00 Product Viewed", "2024-03-01 10:10 Product Added to Wishlist i=p1",
			"2024-03-01 10:20 Product Restocked i=p1"},
		happen: []string{"{e2} 2024-03-01 11:00"}},
	{name: "catalogue: nothing happens to who is not known", when: count(of("*"), is(">=", 0)),
		other: segment("o", back()), events: []string{"2024-03-01 10:00 Product Restocked i=p1", "2024-03-01 11:00 Product Viewed"},
		no: []string{"2024-03-01 10:30"}, yes: []string{"2024-03-01 11:00"}},
}
