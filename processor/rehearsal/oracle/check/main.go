// Command check holds what `touchfold replay` wrote against a computation from the same touchpoints that shares no code
// with it; see package oracle. It exits with 1 if anything differs.
//
//	touchfold replay FILE --as-of 2011-03-31 --customers-out C --derived-out D …
//	go run ./processor/rehearsal/oracle/check -as-of 2011-03-31 -zone UTC -currency GBP … FILE C D
package main

import (
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	_ "time/tzdata"

	"github.com/touchfold/touchfold/processor/rehearsal/oracle"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func run() error {
	var rules oracle.Rules
	asOf := flag.String("as-of", "", "the `date` that the replay ended with")
	zone := flag.String("zone", "UTC", "business.zone")
	flag.StringVar(&rules.Currency, "currency", "", "business.currency")
	flag.Int64Var(&rules.VIPOver, "vip", 0, "vip's threshold in minor units")
	flag.Int64Var(&rules.AverageFrom, "average", 0, "potential's threshold in minor units")
	flag.IntVar(&rules.AtLeast, "at-least", 12, "high_frequency's threshold")
	flag.BoolVar(&rules.EveryBlock, "every-block", false, "high_frequency is read as an order in each of so many blocks of 30 days")
	flag.IntVar(&rules.DaysOver, "churn", 183, "churn_risk's threshold in days")
	flag.IntVar(&rules.LapsedOver, "lapsed", 183, "lifecycle.lapsed_after_days")
	flag.BoolVar(&rules.InOrder, "in-order", false, "the touchpoints are in order and each stands once: compare all that was said")
	flag.Parse()
	day, err := time.Parse(time.DateOnly, *asOf)
	if err != nil || flag.NArg() != 3 || rules.Currency == "" {
		return fmt.Errorf("wants -as-of DATE, -currency, and the files of touchpoints, customers and derived events")
	}
	if rules.Zone, err = time.LoadLocation(*zone); err != nil {
		return err
	}
	rules.AsOf = time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, rules.Zone).Add(-time.Millisecond)
	var in [3]io.Reader
	for i := range in {
		f, err := os.Open(flag.Arg(i))
		if err != nil {
			return err
		}
		defer f.Close()
		if in[i] = f; strings.HasSuffix(flag.Arg(i), ".gz") {
			if in[i], err = gzip.NewReader(f); err != nil {
				return err
			}
		}
	}
	report, err := oracle.Compare(in[0], in[1], in[2], rules)
	if err != nil {
		return err
	}
	for _, d := range report.Differ {
		fmt.Println("differs:", d)
	}
	fmt.Println(report)
	if report.Differing > 0 || report.Customers == 0 {
		return fmt.Errorf("%d differ", report.Differing)
	}
	return nil
}
