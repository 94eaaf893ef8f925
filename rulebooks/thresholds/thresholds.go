// Package thresholds changes the numbers in the department store's rulebook, for tests: the text that is shipped is what
// they test, with thresholds that their customers cross.
package thresholds

import (
	"fmt"
	"strings"

	"github.com/touchfold/touchfold/rulebooks"
)

// Rulebook is the text with other thresholds, each as segment=number: vip=1000.00, high_frequency=3, potential=600 (what
// an order is worth on average), churn_risk=100. every_block=3 is high_frequency read as an order in each of so many blocks
// of 30 days. It panics where there is nothing to change.
func Rulebook(changes ...string) string {
	text := rulebooks.DepartmentStore()
	for _, c := range changes {
		name, number, _ := strings.Cut(c, "=")
		for _, x := range places(name, number) {
			if strings.Count(text, x[0]) != 1 {
				panic(fmt.Sprintf("%s: %q does not stand in the rulebook once", c, x[0]))
			}
			text = strings.Replace(text, x[0], x[1], 1)
		}
	}
	return text
}

// places are the texts that a change replaces, and what by.
func places(name, number string) [][2]string {
	const often = `feature: {name: purchases.order_days, window: calendar 365d, op: ">=", value: `
	at := func(begin, was string) [2]string { return [2]string{begin + was + "}", begin + number + "}"} }
	seldom, blocks := at("not: {"+often, "12"), at("\n      "+often, "12")
	switch name {
	case "vip":
		return [][2]string{at(`purchases.net, window: calendar 365d, op: ">", value: `, "100000")}
	case "high_frequency":
		return [][2]string{at("\n      "+often, "12"), seldom}
	case "every_block":
		blocks[1] = "\n      feature: {name: purchases.blocks30, op: \">=\", value: " + number + "}"
		return [][2]string{blocks, seldom}
	case "potential":
		return [][2]string{at(`purchases.average_order_value, op: ">=", value: `, "2000")}
	case "churn_risk":
		return [][2]string{at(`purchases.last_order_days_ago, op: ">", value: `, "183")}
	}
	panic(name + " is no segment of the department store")
}
