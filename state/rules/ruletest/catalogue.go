package ruletest

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state/rules"
)

// offered are the events of the catalogue and of the world that are drawn.
var offered = []string{"Product Restocked", "Product Restocked", "Product Price Changed", "Weather Observed"}

// catalogue draws up to twelve events of the catalogue and of the world around a timeline.
func catalogue(t *rapid.T, list []events.Event) []events.Event {
	all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) events.Event {
		e := events.Event{Name: pick(t, "offered", offered...)}
		e.Type = events.TypeOf(e.Name)
		e.Source = pick(t, "source", "", "", "erp")
		e.Time = list[rapid.IntRange(0, len(list)-1).Draw(t, "near")].Time +
			pick(t, "beside", 0, 0, 1, -1, second, hour, -hour, 4*hour, day, 7*day, -day)
		if e.Type.About().Body == events.Basket {
			e.Items, e.Order.Currency = items(t, 1), HKD
		}
		e.Rest = []byte(`{"color":` + pick(t, "color", `"red"`, `"blue"`) +
			`,"city":` + pick(t, "city", `"London"`, `"Hong Kong"`) + `}`)
		return e
	}), 0, 12).Draw(t, "catalogue")
	for i := range all {
		all[i].ID, all[i].Content = fmt.Sprintf("w%d", i), uint64(i)
		if chance(t, 8, "an id that a touchpoint has") {
			all[i].ID = list[0].ID
		}
	}
	return distinct(all)
}

// distinct leaves out what has the source and id of another.
func distinct(all []events.Event) (kept []events.Event) {
	seen := map[[2]string]bool{}
	for _, e := range all {
		if key := [2]string{e.Source, e.ID}; !seen[key] {
			seen[key] = true
			kept = append(kept, e)
		}
	}
	return kept
}

func drawCatalogue(t *rapid.T) rules.Condition {
	c := &rules.Catalogue{Within: duration(t), Least: pick(t, "least", 1, 1, 1, 2)}
	c.Event.Names = rapid.SliceOfNDistinct(rapid.SampledFrom(offered[1:]), 1, 2, rapid.ID[string]).Draw(t, "of")
	c.Event.Where = pick(t, "where", "", "", `properties.color == "red"`, `item.category == "shoes"`)
	c.Interest = match(t)
	switch pick(t, "by", "product", "product", "category", "color", "city") {
	case "product":
		c.Field, c.Same = "item.product_id", "item.product_id"
	case "category":
		c.Field, c.Same = "item.category", "item.category"
	case "color":
		c.Field, c.Same = "properties.color", "properties.color"
	case "city":
		c.Field, c.Same, c.Interest = "properties.city", "traits.city", rules.Match{Names: []string{"Identify"}}
	}
	if chance(t, 3, "until") {
		m := match(t)
		c.Until = &m
	}
	if rapid.Bool().Draw(t, "for") {
		c.For = duration(t)
	}
	return c
}
