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
	if !ok {
		return n // each event that fits, or each run
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
		n.Value, n.From, n.To = l.show(v)
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

// shown is a leaf that can say what it compares: its value at v.at, and the edges of its window, or from when to when it
// counts; 0 for none.
type shown interface {
	show(v *view) (value string, from, to events.Instant)
}

func (l *eventLeaf) show(v *view) (value string, from, to events.Instant) {
	s, _ := v.state.pieces[l.piece].(*seriesState)
	if s == nil {
		s = l.nothing
	}
	c := v.program.Calendar
	if l.window == (span{}) {
		t := s.ever
		if t == nil {
			t = l.nothing.ever
		}
		return l.text(s.count, t), 0, 0
	}
	i, j := l.in(s, c, v.at)
	t := s.totals(i, j, true)
	value = l.text(int64(j-i), &t)
	if !l.series.needs.all && l.aggregate == Count && i == s.gone && j-i == l.series.needs.most {
		value += " or more" // more than are needed are not kept
	}
	return value, l.window.first(c, v.at), l.window.last(c, v.at)
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

func (l *traitLeaf) show(v *view) (value string, _, _ events.Instant) {
	x, _, _ := v.trait(l.name)
	return x.String(), 0, 0
}

func (l *figureLeaf) show(v *view) (value string, from, to events.Instant) {
	if q, _ := l.figure.At(v.known, l.days, v.at); q.Known {
		value = valueOf(q).String()
	}
	if l.days > 0 {
		c := v.program.Calendar
		from, to = c.Start(c.Of(v.at)-state.Day(l.days)+1), v.at
	}
	return value, from, to
}

func (l *ifLeaf) show(v *view) (value string, _, _ events.Instant) {
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
	return strings.Join(words, ", "), 0, 0
}

func (l *bucketLeaf) show(v *view) (value string, _, _ events.Instant) {
	if s, _ := v.state.pieces[l.piece].(*bucketState); s != nil {
		value = numberText(int64(*s) - 1)
	}
	return value, 0, 0
}

func (l *absenceLeaf) show(v *view) (_ string, from, to events.Instant) {
	if m, ok := l.from(v); ok {
		return "", m.Time, v.program.Calendar.Add(m.Time, l.length)
	}
	return "", 0, 0
}

// show is of the wait that was, or will be, over first.
func (l *afterLeaf) show(v *view) (value string, from, to events.Instant) {
	all := l.waits(v)
	for _, w := range all {
		if to == 0 || w.full < to {
			from, to = w.mark.Time, w.full
		}
	}
	return fmt.Sprintf("%d waiting", len(all)), from, to
}

func (l *sequenceLeaf) show(v *view) (value string, from, _ events.Instant) {
	if s, _ := v.state.pieces[l.piece].(*runsState); s != nil && s.done.ID != 0 {
		return "completed", s.done.Time, 0
	}
	return "", 0, 0
}

// show is of the return of the date that lasts, or else comes next.
func (l *dateLeaf) show(v *view) (value string, from, to events.Instant) {
	d, _, _, ok := l.base(v)
	if !ok {
		return "", 0, 0
	}
	l.returns(v, v.at, func(at events.Instant, _ state.Day, _ state.Mark) bool {
		from, to = at, v.program.Calendar.Add(at, l.length)
		return to <= v.at
	})
	return d.String(), from, to
}

// show is of the thing whose date lasts, or else comes next.
func (l *itemLeaf) show(v *view) (value string, from, to events.Instant) {
	n := 0
	l.dates(v, func(_ *thing, at events.Instant) {
		n++
		end := v.program.Calendar.Add(at, l.length)
		if end > v.at && (from == 0 || at < from) {
			from, to = at, end
		}
	})
	return fmt.Sprintf("%d owned", n), from, to
}

// show is of the rhythm whose interval was, or will be, over first.
func (l *cadenceLeaf) show(v *view) (value string, from, to events.Instant) {
	l.over(v, func(b *beat, at events.Instant) {
		if to == 0 || at < to {
			value, from, to = fmt.Sprintf("%d days", l.span(b.days)), b.last.Time, at
		}
	})
	return value, from, to
}

// show is of the last event that met an interest.
func (l *catalogueLeaf) show(v *view) (value string, from, to events.Instant) {
	s := l.state(v)
	if s == nil {
		return "", 0, 0
	}
	if s.met.ID != 0 {
		from, to = s.met.Time, v.program.Calendar.Add(s.met.Time, l.length)
	}
	return fmt.Sprintf("%d of interest", len(s.wants.keys)), from, to
}
