package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/whatif"
)

// simulationView is what is shown of a comparison.
type simulationView struct {
	At          string             `json:"at"`
	Zone        string             `json:"zone"`
	From        string             `json:"from"`    // where the customers are
	Present     string             `json:"present"` // the rulebooks' names
	Next        string             `json:"new"`
	Customers   int                `json:"customers"`
	Approximate int                `json:"approximate"` // of them, of whom something was too long to be kept
	Notes       []string           `json:"notes,omitempty"`
	Segments    []simulatedSegment `json:"segments"`
	Days        []string           `json:"days"` // those of the triggers' counts
	Triggers    []simulatedTrigger `json:"triggers"`
	Overlap     []overlapView      `json:"overlap"`
}

// simulatedSegment has null for a rulebook without it.
type simulatedSegment struct {
	ID      string `json:"id"`
	Present *int   `json:"present"`
	Next    *int   `json:"new"`
	Enter   int    `json:"enter"`
	Leave   int    `json:"leave"`
	Stay    int    `json:"stay"`
}

// simulatedTrigger has null for a rulebook without it.
type simulatedTrigger struct {
	ID      string    `json:"id"`
	Present *happened `json:"present"`
	Next    *happened `json:"new"`
	More    int       `json:"more"`
	Fewer   int       `json:"fewer"`
}

type happened struct {
	Total     int   `json:"total"`
	Customers int   `json:"customers"`
	Days      []int `json:"days"`
}

// overlapView is of two segments of the new rulebook.
type overlapView struct {
	A       string  `json:"a"`
	B       string  `json:"b"`
	Both    int     `json:"both"`
	Percent float64 `json:"percent"` // of those in either
}

func viewSimulation(x *whatif.Comparison, c *whatif.Config) *simulationView {
	v := &simulationView{At: clockOf(c.Calendar.Zone())(c.At), Customers: x.Customers, Approximate: x.Approximate,
		Segments: []simulatedSegment{}, Triggers: []simulatedTrigger{}, Overlap: []overlapView{}}
	for i := range c.Days {
		v.Days = append(v.Days, (x.First() + state.Day(i)).String())
	}
	for _, s := range x.Segments() {
		row := simulatedSegment{ID: idOf(s.Rule), Enter: s.Enter, Leave: s.Leave, Stay: s.Stay}
		for i, to := range []**int{&row.Present, &row.Next} {
			if s.Has[i] {
				*to = &s.Size[i]
			}
		}
		v.Segments = append(v.Segments, row)
	}
	for _, t := range x.Triggers() {
		row := simulatedTrigger{ID: idOf(t.Rule), More: t.More, Fewer: t.Fewer}
		for i, to := range []**happened{&row.Present, &row.Next} {
			if t.Has[i] {
				*to = &happened{t.Total[i], t.Customers[i], t.Days[i]}
			}
		}
		v.Triggers = append(v.Triggers, row)
	}
	for _, p := range x.Overlap() {
		percent := 100 * float64(p.Both) / float64(p.Either())
		v.Overlap = append(v.Overlap, overlapView{idOf(p.A.Rule), idOf(p.B.Rule), p.Both, percent})
	}
	return v
}

// idOf is the rule that a fact is of.
func idOf(fact string) string { return fact[strings.IndexByte(fact, '/')+1:] }

// write writes it for a person, with so many pairs of segments.
func (v *simulationView) write(to io.Writer, pairs int) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s of %s, at %s (%s)\n", counted(v.Customers, "customer"), v.From, v.At, v.Zone)
	fmt.Fprintf(&b, "present  %s\nnew      %s\n", v.Present, v.Next)
	if v.Approximate > 0 {
		fmt.Fprintf(&b, "of %s something was too long to be kept: rules that read it may be wrong of them\n",
			counted(v.Approximate, "customer"))
	}
	for _, n := range v.Notes {
		fmt.Fprintln(&b, n)
	}
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	if len(v.Segments) > 0 {
		fmt.Fprint(t, "\nSEGMENT\tPRESENT\tNEW\tENTER\tLEAVE\tSTAY\n")
	}
	for _, s := range v.Segments {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\n", s.ID, size(s.Present), size(s.Next), s.Enter, s.Leave, s.Stay)
	}
	t.Flush() // to memory
	v.writeTriggers(&b)
	if len(v.Overlap) > 0 && pairs > 0 {
		fmt.Fprintf(t, "\nOVERLAP\t\tBOTH\tOF EITHER\n")
		for _, p := range v.Overlap[:min(pairs, len(v.Overlap))] {
			fmt.Fprintf(t, "%s\t%s\t%d\t%.1f %%\n", p.A, p.B, p.Both, p.Percent)
		}
		t.Flush()
	}
	_, err := to.Write(b.Bytes())
	return err
}

func (v *simulationView) writeTriggers(b *bytes.Buffer) {
	if len(v.Triggers) == 0 {
		return
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "\nTRIGGER\tPRESENT\tA DAY\tMOST\tNEW\tA DAY\tMOST\tCUSTOMERS\tMORE\tFEWER\n")
	for _, x := range v.Triggers {
		to := "-"
		if x.Next != nil {
			to = fmt.Sprint(x.Next.Customers)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\n", x.ID, x.Present, x.Next, to, x.More, x.Fewer)
	}
	t.Flush() // to memory
	fmt.Fprintf(b, "(%s: %s to %s)\n", counted(len(v.Days), "day"), v.Days[0], v.Days[len(v.Days)-1])
}

func size(n *int) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

// String is three cells of a row.
func (h *happened) String() string {
	if h == nil {
		return "-\t-\t-"
	}
	return fmt.Sprintf("%d\t%.1f\t%d", h.Total, float64(h.Total)/float64(len(h.Days)), slices.Max(h.Days))
}
