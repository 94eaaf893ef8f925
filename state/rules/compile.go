package rules

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/expr"
	"github.com/touchfold/touchfold/state/rules/field"
)

// segment is a Segment compiled.
type segment struct {
	id      string
	key     string // of its fact
	index   int
	when    condition
	tracked int // index in program.tracked, -1: not tracked
}

// trigger is a Trigger compiled.
type trigger struct {
	id          string
	on          happening
	when        condition
	payload     []Field
	priority    int
	maxLateness state.Duration
	expires     state.Duration
	settle      state.Duration
	cooldown    state.Duration
	since       events.Instant
	meaning     string
}

// sayAt is when an occurrence of an instant may be said.
func (t *trigger) sayAt(p *program, at events.Instant) events.Instant {
	if t.settle.N == 0 {
		return at
	}
	return p.Calendar.Add(at, t.settle)
}

// compile makes a program of a book, or says all that is wrong with it.
func compile(config Config) (*program, []Fault) {
	c := &compiler{program: &program{Config: config, byName: map[string][]int32{}}, index: map[string]int32{}, figure: map[string]*state.Figure{},
		known: map[string]*segment{}}
	p := c.program
	p.byType = make([][]int32, len(events.Types())+1)
	p.onType = make([][]int32, len(events.Types())+1)
	p.wakes = make([]bool, len(events.Types())+1)
	for i := range config.Figures {
		c.figure[config.Figures[i].Name] = &config.Figures[i]
	}
	c.said = &traits{}
	p.traits = c.piece(c.said)
	ordered, faults := inOrder(config.Book.Segments)
	c.faults = faults
	for _, s := range ordered {
		c.segment(s)
	}
	for i := range config.Book.Triggers {
		c.trigger(&config.Book.Triggers[i])
	}
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	c.finish()
	return p, nil
}

func (c *compiler) segment(s *Segment) {
	c.rule, c.uses = s.ID, uses{}
	g := &segment{id: s.ID, key: "segment/" + s.ID, index: len(c.program.segments), tracked: -1}
	g.when = c.condition(s.When)
	c.program.segments = append(c.program.segments, g)
	c.known[s.ID] = g
	c.users = append(c.users, c.uses)
}

func (c *compiler) trigger(t *Trigger) {
	c.rule, c.uses = t.ID, uses{}
	x := &trigger{id: t.ID, payload: t.Payload, priority: t.Priority, maxLateness: duration(t.MaxLateness), expires: duration(t.Expires),
		settle: duration(t.Settle), cooldown: duration(t.Cooldown)}
	if t.MaxLateness.N == 0 {
		x.maxLateness = state.Duration{N: 24, Unit: state.Hours}
	}
	if x.on = c.happening(t.On, t.Payload); x.on == nil {
		return
	}
	switch x.on.(type) {
	case *edge, *absenceLeaf, *dateLeaf, *cadenceLeaf:
		if len(t.Payload) > 0 {
			c.fault(t.Payload[0].At, "what happens here has no event to read %s of; payload goes with event, absence … after, and item", t.Payload[0].Path)
		}
	}
	when := ""
	if t.When != nil {
		x.when = c.condition(t.When)
		when = x.when.canonical()
	}
	x.meaning = canonical(t.ID, x.on.canonical(), when, x.maxLateness, x.expires, x.settle, x.cooldown, t.Priority, payloadText(t.Payload))
	c.program.triggers = append(c.program.triggers, x)
	c.wake()
}

// wake has the events that figures of this rule fold be noticed.
func (c *compiler) wake() {
	for _, t := range c.uses.types {
		c.wakes[t] = true
	}
	for i := range c.wakes {
		c.wakes[i] = c.wakes[i] || c.uses.any
	}
}

func payloadText(fields []Field) string {
	words := make([]any, 0, 2*len(fields))
	for _, f := range fields {
		words = append(words, f.Name, f.Path)
	}
	return canonical(words...)
}

// track has a condition followed through time, each once.
func (c *compiler) track(of condition) int {
	text := of.canonical()
	for i, t := range c.tracked {
		if t.canonical() == text {
			return i
		}
	}
	c.tracked = append(c.tracked, of)
	return len(c.tracked) - 1
}

// condition compiles one; of a faulty one it is one that is never true.
func (c *compiler) condition(of Condition) condition {
	switch x := of.(type) {
	case *All:
		return allOf(c.conditions(x.Of))
	case *Any:
		return anyOf(c.conditions(x.Of))
	case *Not:
		return notOf{c.condition(x.Of)}
	case *Event:
		return c.event(x)
	case *Trait:
		c.trait(x.Name)
		return &traitLeaf{x.Name, c.comparison(&x.Compare)}
	case *Feature:
		return c.feature(x)
	case *If:
		return c.predicate(x)
	case *InSegment:
		return c.inSegment(x)
	case *Bucket:
		p := &bucket{x.Salt}
		return &bucketLeaf{c.piece(p), p, uint64(x.Percent)} // a hundredth of a hundred million is a million
	case *Absence:
		return c.absence(x, nil, true).(condition)
	case *Sequence:
		l := c.sequence(x)
		return &sequenceLeaf{l.index, l}
	case *Date:
		return c.date(x)
	case *Item:
		return c.item(x, nil)
	case *Cadence:
		return c.cadence(x)
	}
	c.fault(of.Where(), "this condition is not one that can be asked of a customer")
	return anyOf(nil)
}

func (c *compiler) conditions(all []Condition) (list []condition) {
	for _, x := range all {
		list = append(list, c.condition(x))
	}
	return list
}

func (c *compiler) path(text string, at Place) field.Path {
	p, err := field.Parse(text)
	if err != nil {
		c.fault(at, "%v", err)
	}
	return p
}

// expression notes the faults of a CEL text that begins at a place.
func (c *compiler) expression(at Place, err error) {
	var faults expr.Faults
	if !errors.As(err, &faults) {
		c.fault(at, "%v", err)
		return
	}
	for _, f := range faults {
		place := Place{at.Line + f.Line - 1, f.Column}
		if f.Line == 1 {
			place.Column += at.Column - 1
		}
		c.fault(place, "%s", f.Text)
	}
}

func (c *compiler) event(x *Event) condition {
	l := &eventLeaf{aggregate: cmp.Or(x.Aggregate, Count), compare: c.comparison(&x.Compare), window: c.span(x.Window)}
	if x.Op == "" {
		l.compare = comparison{op: ">=", numeric: true, numbers: []int64{million}}
	}
	p := &series{}
	if x.Field != "" {
		p.of, p.path = true, c.path(x.Field, x.Match.At)
	}
	p.match = c.matcher(&x.Match, p.path)
	l.piece = c.piece(p)
	l.series = c.pieces[l.piece].(*series)
	l.series.needs.add(l)
	return l
}

// add makes what a leaf reads be kept.
func (n *needs) add(l *eventLeaf) {
	windowed := l.window != span{}
	n.rolling, n.calendar = max(n.rolling, l.window.rolling), max(n.calendar, l.window.calendar)
	n.texts = n.texts || windowed && (l.aggregate == Distinct || l.aggregate == MostFrequent || !l.compare.numeric)
	n.lifetime = n.lifetime || !windowed && l.aggregate != Count
	n.tally = n.tally || !windowed && (l.aggregate == Distinct || l.aggregate == MostFrequent)
	switch most := l.enough(); {
	case !windowed:
	case most == 0:
		n.all = true
	default:
		n.most = max(n.most, most)
	}
}

// enough is how many of the last entries decide the comparison whatever came before; 0: all.
func (l *eventLeaf) enough() int {
	if l.aggregate != Count || len(l.compare.numbers) == 0 {
		return 0
	}
	most := int64(0)
	for _, n := range l.compare.numbers {
		most = max(most, n/million)
	}
	return int(min(most, 1<<20)) + 2
}

func (c *compiler) span(w Window) span {
	d := duration(w.Duration)
	switch w.Kind {
	case "rolling":
		exact, _ := d.Exact()
		return span{rolling: exact}
	case "calendar":
		return span{calendar: state.Day(0).Add(d)}
	}
	return span{}
}

func (c *compiler) feature(x *Feature) condition {
	f := c.figure[x.Name]
	if f == nil {
		c.fault(x.At, "there is no figure %s%s; touchfold rules features lists them", x.Name, c.meant(x.Name))
		return anyOf(nil)
	}
	l := &figureLeaf{figure: f, compare: c.comparison(&x.Compare)}
	switch {
	case x.Window.Kind == "rolling" || x.Window.Kind == "calendar" && !f.Windows:
		c.fault(x.At, "%s cannot be asked of that window", x.Name)
	case x.Window.Kind == "calendar":
		l.days = int(c.span(x.Window).calendar)
	}
	if x.Op != "exists" && l.compare.numeric == f.Text {
		c.fault(x.At, "%s is a %s, which cannot be compared with that", x.Name, map[bool]string{true: "text", false: "number"}[f.Text])
	}
	c.uses.figure(f)
	return l
}

func (u *uses) figure(f *state.Figure) {
	folds := state.Describe(f.Owner).Folds
	u.types = append(u.types, folds...)
	u.any = u.any || folds == nil
}

func (c *compiler) predicate(x *If) condition {
	names := map[string]expr.Kind{}
	for name, f := range c.figure {
		names[name] = map[bool]expr.Kind{true: expr.Text, false: expr.Number}[f.Text]
	}
	p, err := expr.If(x.Text, names)
	if err != nil {
		c.expression(x.At, err)
		return anyOf(nil)
	}
	l := &ifLeaf{predicate: p}
	for _, name := range p.Uses() {
		if f := c.figure[name]; f != nil {
			l.figures, l.names = append(l.figures, f), append(l.names, name)
			c.uses.figure(f)
		} else {
			c.trait(strings.TrimPrefix(name, "traits."))
		}
	}
	return l
}

// trait has the last word on a trait be kept.
func (c *compiler) trait(name string) {
	if i, found := slices.BinarySearch(c.said.all, name); !found {
		c.said.all = slices.Insert(c.said.all, i, name)
	}
	c.uses.pieces = append(c.uses.pieces, c.program.traits)
}

func (c *compiler) inSegment(x *InSegment) condition {
	g := c.known[x.ID]
	if g == nil {
		c.fault(x.At, "there is no segment %s before this one", x.ID)
		return anyOf(nil)
	}
	u := &c.users[g.index]
	c.uses.pieces = append(c.uses.pieces, u.pieces...)
	c.uses.types = append(c.uses.types, u.types...)
	c.uses.any, c.uses.everybody = c.uses.any || u.any, c.uses.everybody || u.everybody
	l := &segmentLeaf{segment: g, inFor: duration(x.InFor)}
	if x.InFor.N > 0 {
		g.tracked = c.track(&segmentLeaf{segment: g})
		c.wake()
	}
	return l
}

func (c *compiler) happening(of Condition, payload []Field) happening {
	rises := func(x condition, rise bool) happening { return &edge{c.track(x), x, rise} }
	switch x := of.(type) {
	case *Entered:
		return rises(c.inSegment(&InSegment{ID: x.Segment, At: x.At}), true)
	case *Left:
		return rises(c.inSegment(&InSegment{ID: x.Segment, At: x.At}), false)
	case *Becomes:
		return rises(c.condition(x.Of), true)
	case *Event:
		if x.Op == "" && x.Aggregate == "" {
			return c.matches(&x.Match, payload)
		}
		return rises(c.condition(x), true)
	case *Absence:
		return c.absence(x, payload, false)
	case *Sequence:
		l := c.sequence(x)
		return &matches{l.index, l.key()}
	case *Date:
		return c.date(x)
	case *Item:
		return c.item(x, payload)
	case *Cadence:
		return c.cadence(x)
	}
	c.fault(of.Where(), "this is nothing that happens")
	return nil
}

// duration is d, which was checked when it was read.
func duration(d Duration) state.Duration {
	if d.N == 0 {
		return state.Duration{}
	}
	x, err := state.ParseDuration(strconv.Itoa(d.N) + d.Unit)
	if err != nil {
		panic("rules: " + err.Error()) // a bug of ours
	}
	return x
}

// finish makes the tables by which events find what they touch.
func (c *compiler) finish() {
	p := c.program
	meanings := make([]uint64, len(p.triggers))
	for i, t := range p.triggers {
		meanings[i] = state.Fingerprint("trigger", t.meaning)
	}
	p.Since = p.Since.Next(meanings, p.Now)
	for i, t := range p.triggers {
		t.since, _ = p.Since.Of(meanings[i])
	}
	p.keys = make([]uint64, len(p.pieces))
	p.ordered = make([]int32, len(p.pieces))
	p.readers = make([][]int32, len(p.pieces))
	for i, x := range p.pieces {
		p.keys[i], p.ordered[i] = pieceKey(x.key()), int32(i)
		names := x.names()
		if slices.Contains(names, "*") {
			names = []string{"*"}
		}
		for _, name := range names {
			if t := events.TypeOf(name); t != events.Unknown {
				p.byType[t] = append(p.byType[t], int32(i))
			} else if name == "*" {
				p.all = append(p.all, int32(i))
			} else {
				p.byName[name] = append(p.byName[name], int32(i))
			}
		}
	}
	slices.SortFunc(p.ordered, func(a, b int32) int { return cmp.Compare(p.keys[a], p.keys[b]) })
	for i, u := range c.users {
		if u.everybody {
			p.starts = append(p.starts, int32(i))
		}
		for _, piece := range slices.Compact(slices.Sorted(slices.Values(u.pieces))) {
			p.readers[piece] = append(p.readers[piece], int32(i))
		}
		for t := range p.onType {
			if u.any || slices.Contains(u.types, events.Type(t)) {
				p.onType[t] = append(p.onType[t], int32(i))
			}
		}
	}
	var basis strings.Builder
	fmt.Fprintln(&basis, canonical(p.Calendar.Zone(), p.Currency, c.said.key()))
	for _, g := range p.segments {
		fmt.Fprintln(&basis, canonical("segment", g.id, g.when.canonical()))
	}
	for _, t := range p.triggers {
		fmt.Fprintln(&basis, t.meaning, t.since)
	}
	p.basis = basis.String()
	p.views = &sync.Pool{New: func() any { return &view{program: p, subject: field.Subject{Currency: p.Currency}} }}
}

// inOrder is the segments, each behind those that it asks for; the faults are circles.
func inOrder(all []Segment) (ordered []*Segment, faults []Fault) {
	const visiting, done = 1, 2
	seen := map[string]int{}
	byID := map[string]*Segment{}
	for i := range all {
		byID[all[i].ID] = &all[i]
	}
	var path []string
	var visit func(s *Segment)
	visit = func(s *Segment) {
		switch seen[s.ID] {
		case done:
			return
		case visiting:
			circle := append(slices.Clone(path[slices.Index(path, s.ID):]), s.ID)
			faults = append(faults, Fault{s.At, s.ID, "asks for itself: " + strings.Join(circle, " → ")})
			return
		}
		seen[s.ID] = visiting
		path = append(path, s.ID)
		Each(s.When, func(c Condition) {
			if in, ok := c.(*InSegment); ok && byID[in.ID] != nil {
				visit(byID[in.ID])
			}
		})
		path = path[:len(path)-1]
		seen[s.ID] = done
		ordered = append(ordered, s)
	}
	for i := range all {
		visit(&all[i])
	}
	return ordered, faults
}

// Each calls f with a condition and with all that it is made of.
func Each(c Condition, f func(Condition)) {
	if c == nil {
		return
	}
	f(c)
	switch x := c.(type) {
	case *All:
		for _, y := range x.Of {
			Each(y, f)
		}
	case *Any:
		for _, y := range x.Of {
			Each(y, f)
		}
	case *Not:
		Each(x.Of, f)
	case *Becomes:
		Each(x.Of, f)
	}
}

// meant is a hint at a figure of another feature, or of this one under another name.
func (c *compiler) meant(name string) string {
	_, last, _ := strings.Cut(name, ".")
	for _, known := range slices.Sorted(maps.Keys(c.figure)) {
		if _, l, _ := strings.Cut(known, "."); l == last || l == name {
			return "; did you mean " + known + "?"
		}
	}
	return ""
}
