package rules

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/field"
)

// A builder makes nodes of conditions, as they are at its view's instant.
type builder struct {
	report *Report
	view   *view
	ahead  bool            // look for when they change
	seen   map[string]bool // the segments whose condition was shown
	unsure bool            // of the last node: it may change later than Until
}

// node is a condition as written with what it was compiled to, a condition or a happening.
func (b *builder) node(of Condition, compiled any) *Node {
	n := &Node{Of: of, Until: events.Never}
	if e, ok := compiled.(*edge); ok {
		compiled = e.of
	}
	c, ok := compiled.(condition)
	if !ok { // each event that fits, or each run
		if x, ok := of.(*Sequence); ok {
			b.view.past.tell(b.view, n, x, compiled.(*matches).piece)
		}
		return n
	}
	switch x := of.(type) {
	case *All:
		b.parts(n, x.Of, c.(allOf))
	case *Any:
		b.parts(n, x.Of, c.(anyOf))
	case *Not:
		n.Parts = []*Node{b.node(x.Of, c.(notOf).of)}
	case *Becomes:
		n.Parts = []*Node{b.node(x.Of, c)}
	default:
		b.leaf(n, c)
	}
	n.Is, n.Until = c.eval(b.view)
	if b.unsure = false; b.ahead {
		until, sure := b.report.lasts(c, b.report.at)
		n.Until, b.unsure = until, !sure
	}
	return n
}

func (b *builder) parts(n *Node, of []Condition, compiled []condition) {
	for i, x := range of {
		n.Parts = append(n.Parts, b.node(x, compiled[i]))
	}
}

// leaf says what a leaf compares, and what decides it.
func (b *builder) leaf(n *Node, c condition) {
	v := b.view
	if l, ok := c.(*segmentLeaf); ok {
		b.segment(n, l)
		return
	}
	if l, ok := c.(shown); ok {
		l.show(v, n)
	}
	var marks []state.Mark
	v.decides(c, func(m state.Mark) { marks = append(marks, m) })
	marks = inTime(marks)
	n.Events, n.Because = len(marks), newest(marks)
}

func (b *builder) segment(n *Node, l *segmentLeaf) {
	if b.seen == nil {
		b.seen = map[string]bool{}
	}
	if is, _ := b.view.segment(l.segment); is && l.inFor.N > 0 {
		n.From = b.view.reg.tracked[l.segment.tracked].since
		n.To = b.view.program.Calendar.Add(n.From, l.inFor)
	}
	id := l.segment.id
	if b.seen[id] {
		return
	}
	b.seen[id] = true
	book := b.view.program.Book.Segments
	i := slices.IndexFunc(book, func(s Segment) bool { return s.ID == id })
	n.Parts = []*Node{b.node(book[i].When, l.segment.when)}
}

// shown is a leaf that can say what it compares: its value at v.at or why it has none, and the edges of its window, or from
// when to when it counts.
type shown interface{ show(v *view, n *Node) }

func (l *eventLeaf) show(v *view, n *Node) {
	marks, t := l.recall(v)
	if n.Value = l.text(int64(len(marks)), &t); n.Value == "" && t.values == 0 {
		n.Note = "no match has a value"
	} else if n.Value == "" {
		n.Note = "no match has a number"
	}
	if l.window != (span{}) {
		n.From, n.To = l.window.first(v.program.Calendar, v.at), l.window.last(v.program.Calendar, v.at)
	}
}

// text is the aggregate over a count and totals, "" if there is none.
func (l *eventLeaf) text(count int64, s *totals) string {
	switch l.aggregate {
	case Count:
		return fmt.Sprint(count)
	case Sum:
		return numberText(s.sum.bounded())
	case Distinct:
		return fmt.Sprint(len(s.tally))
	case MostFrequent:
		v, _ := s.frequent()
		return v.String()
	}
	switch {
	case l.aggregate == First && s.values > 0:
		return s.first.String()
	case l.aggregate == Last && s.values > 0:
		return s.last.String()
	case s.numbers == 0:
		return ""
	case l.aggregate == Min:
		return numberText(s.least)
	case l.aggregate == Max:
		return numberText(s.most)
	case l.aggregate == Avg:
		return s.sum.average(s.numbers)
	}
	return ""
}

// average is a ÷ n to six places.
func (a wide) average(n int64) string {
	whole := new(big.Int).Lsh(big.NewInt(a.high), 64)
	whole.Add(whole, new(big.Int).SetUint64(a.low))
	text := new(big.Rat).SetFrac(whole, new(big.Int).Mul(big.NewInt(n), big.NewInt(million))).FloatString(6)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

func numberText(millionths int64) string { return field.NumberOf(millionths).String() }

func (l *traitLeaf) show(v *view, n *Node) {
	x, _, ok := v.trait(l.name)
	switch n.Value = x.String(); {
	case !ok:
		n.Note = untold
	case l.compare.numeric && !x.IsNumber:
		n.Note = "not a number"
	case x.String() == "":
		n.Note = "an empty text"
	}
}

const untold = "no event says it"

func (l *figureLeaf) show(v *view, n *Node) {
	if q, _ := l.figure.At(v.known, l.days, v.at); q.Known {
		n.Value = valueOf(q).String()
	} else {
		n.Note = "not known"
	}
	if l.days > 0 {
		c := v.program.Calendar
		n.From, n.To = c.Start(c.Of(v.at)-state.Day(l.days)+1), v.at
	}
}

func (l *ifLeaf) show(v *view, n *Node) {
	var words []string
	for _, name := range l.predicate.Uses() {
		text := "nothing"
		if i := slices.Index(l.names, name); i >= 0 {
			if q, _ := l.figures[i].At(v.known, 0, v.at); q.Known {
				text = valueOf(q).String()
			}
		} else if x, _, ok := v.trait(strings.TrimPrefix(name, "traits.")); ok {
			text = x.String()
		}
		words = append(words, name+" is "+text)
	}
	n.Value = strings.Join(words, ", ")
}

func (l *bucketLeaf) show(v *view, n *Node) {
	if s, _ := v.state.pieces.at(l.piece).(*bucketState); s != nil {
		n.Value = numberText(int64(*s) - 1)
	}
}

func (l *absenceLeaf) show(v *view, n *Node) {
	if m, ok := l.from(v); ok {
		n.From, n.To = m.Time, v.program.Calendar.Add(m.Time, l.length)
	} else {
		n.Note = "he is no buyer yet"
	}
}

// show is of the wait that was, or will be, over first.
func (l *afterLeaf) show(v *view, n *Node) {
	all := l.waits(v)
	for _, w := range all {
		if n.To == 0 || w.full < n.To {
			n.From, n.To = w.mark.Time, w.full
		}
	}
	n.Value = fmt.Sprintf("%d waiting", len(all))
}

func (l *sequenceLeaf) show(v *view, n *Node) {
	if s, _ := v.state.pieces.at(l.piece).(*runsState); s != nil && s.done.ID != 0 {
		n.Value, n.From = "completed", s.done.Time
		return
	}
	v.past.tell(v, n, n.Of.(*Sequence), l.piece)
}

// show is of the return of the date that lasts, or else comes next.
func (l *dateLeaf) show(v *view, n *Node) {
	x, _, ok := l.word(v)
	if n.Value = x.String(); !ok {
		n.Note = untold
		return
	}
	d, _, _, ok := l.base(v)
	if !ok {
		n.Note = "no date: it has to be as 2006-01-02 is, and a day that there is"
		return
	}
	l.returns(v, v.at, func(at events.Instant, _ state.Day, _ state.Mark) bool {
		n.From, n.To = at, v.program.Calendar.Add(at, l.length)
		return n.To <= v.at
	})
	n.Value = d.String()
}

// show is of the thing whose date lasts, or else comes next.
func (l *itemLeaf) show(v *view, n *Node) {
	owned := 0
	l.dates(v, func(_ *thing, at events.Instant) {
		owned++
		end := v.program.Calendar.Add(at, l.length)
		if end > v.at && (n.From == 0 || at < n.From) {
			n.From, n.To = at, end
		}
	})
	if n.Value = fmt.Sprintf("%d owned", owned); owned > 0 && n.From == 0 {
		n.Note = "the date of each is past"
	}
}

// show is of the rhythm whose interval was, or will be, over first.
func (l *cadenceLeaf) show(v *view, n *Node) {
	l.over(v, func(b *beat, at events.Instant) {
		if n.To == 0 || at < n.To {
			n.Value, n.From, n.To = fmt.Sprintf("%d days", l.span(b.days)), b.last.Time, at
		}
	})
	if n.Value == "" {
		n.Note = fmt.Sprintf("there are not %d intervals yet", l.least)
	}
}

// show is of the last event that met an interest.
func (l *catalogueLeaf) show(v *view, n *Node) {
	s := l.state(v)
	if s == nil {
		n.Value = "0 of interest"
		return
	}
	if s.met.ID != 0 {
		n.From, n.To = s.met.Time, v.program.Calendar.Add(s.met.Time, l.length)
	}
	n.Value = fmt.Sprintf("%d of interest", len(s.wants.keys))
}
