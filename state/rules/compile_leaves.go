package rules

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/touchfold/touchfold/events"
	"github.com/touchfold/touchfold/state"
	"github.com/touchfold/touchfold/state/rules/expr"
	"github.com/touchfold/touchfold/state/rules/field"
)

// matches compiles the happening of each match.
func (c *compiler) matches(m *Match, payload []Field) happening {
	p := &each{payload: c.carried(payload, "event.")}
	p.match = c.matcher(m)
	i := c.piece(p)
	p = c.pieces[i].(*each)
	p.index = i
	return &matches{i, p.key()}
}

// absence compiles both kinds.
func (c *compiler) absence(x *Absence, payload []Field, stays bool) happening {
	length := duration(x.For)
	if x.After == nil {
		p := &silence{c.matcher(&x.Of)}
		i := c.piece(p)
		c.uses.everybody = true
		return &absenceLeaf{i, c.pieces[i].(*silence), length, x.Buyers}
	}
	p := &pending{length: length}
	if x.Correlate != "" {
		p.by, p.correlate = true, c.path(x.Correlate, x.At)
	}
	p.payload = c.carried(payload, "after.")
	p.of = c.matcher(&x.Of, p.correlate)
	p.after = c.matcher(x.After, p.correlate)
	i := c.piece(p)
	p = c.pieces[i].(*pending)
	p.stays = p.stays || stays
	return &afterLeaf{i, p}
}

// carried is the fields that a trigger carries, of the event that goes by a name.
func (c *compiler) carried(payload []Field, of string) (all []field.Path) {
	for _, f := range payload {
		all = append(all, c.path(strings.TrimPrefix(f.Path, of), f.At))
	}
	return all
}

// sequence compiles one that carries fields of the event of the last step.
func (c *compiler) sequence(x *Sequence, payload []Field) *runs {
	p := &runs{within: duration(x.Within), strict: x.Strict, payload: c.carried(payload, "event.")}
	if x.Correlate != "" {
		p.by, p.correlate = true, c.path(x.Correlate, x.At)
	}
	for i := range x.Steps {
		p.steps = append(p.steps, c.matcher(&x.Steps[i], p.correlate))
		p.single = append(p.single, step{n: i})
	}
	i := c.piece(p)
	p = c.pieces[i].(*runs)
	p.index = i
	return p
}

func (c *compiler) date(x *Date) *dateLeaf {
	l := &dateLeaf{offset: duration(x.Offset.Duration), before: x.Offset.Before, recur: x.Recur, clock: x.Clock,
		zone: x.Zone, length: duration(x.For)}
	if x.For.N == 0 {
		l.length = state.Duration{N: 1, Unit: state.Days}
	}
	if x.Zone == "customer" {
		c.trait("timezone")
	}
	if name, ok := strings.CutPrefix(x.Field, "traits."); ok && x.Of == nil {
		c.trait(name)
		l.trait = name
		return l
	}
	if x.Of == nil {
		c.missing(x.At, "%s is no trait, so it must say of which event: add of: {event: …}", x.Field)
		return l
	}
	p := &lastWord{path: c.path(x.Field, x.At)}
	p.match = c.matcher(x.Of, p.path)
	l.piece = c.piece(p)
	l.of = c.pieces[l.piece].(*lastWord)
	return l
}

func (c *compiler) item(x *Item, payload []Field) *itemLeaf {
	l := &itemLeaf{offset: duration(x.Offset.Duration), before: x.Offset.Before, clock: x.Clock, length: duration(x.For)}
	if x.For.N == 0 {
		l.length = state.Duration{N: 1, Unit: state.Days}
	}
	p := &owned{payload: c.carried(payload, "")}
	if x.Field != "" {
		p.of, p.path = true, c.path(x.Field, x.At)
	}
	p.match = c.matcher(&x.Of, field.Item("product_id"), p.path)
	p.months = x.Field == "item.warranty_months"
	l.piece = c.piece(p)
	l.of = c.pieces[l.piece].(*owned)
	return l
}

// cadence compiles one that carries fields of the last match.
func (c *compiler) cadence(x *Cadence, payload []Field) *cadenceLeaf {
	l := &cadenceLeaf{tolerance: cmp.Or(int64(x.Tolerance), 1_500_000), least: cmp.Or(x.Least, 3)}
	p := &rhythm{payload: c.carried(payload, "event.")}
	switch x.By {
	case "category":
		p.by, p.group = true, field.Item("category")
	case "product":
		p.by, p.group = true, field.Item("product_id")
	}
	p.match = c.matcher(&x.Of, p.group)
	l.piece = c.piece(p)
	l.of = c.pieces[l.piece].(*rhythm)
	if l.of.least == 0 || l.least < l.of.least {
		l.of.least = l.least
	}
	return l
}

// inTime is marks in order, each once.
func inTime(marks []state.Mark) []state.Mark {
	slices.SortFunc(marks, func(a, b state.Mark) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.ID, b.ID))
	})
	return slices.Compact(marks)
}

// shifted is an instant of a day that is moved, at a time of day.
func shifted(c *state.Calendar, d state.Day, by state.Duration, before bool, clock events.Instant) events.Instant {
	if before {
		d = d.Back(by)
	} else {
		d = d.Add(by)
	}
	return c.Local(d, clock)
}

func (c *compiler) event(x *Event) condition {
	l := &eventLeaf{nothing: &seriesState{ever: new(totals)}, aggregate: cmp.Or(x.Aggregate, Count),
		compare: c.comparison(&x.Compare), window: c.span(x.Window)}
	l.window.ago = duration(x.Ago)
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
	switch w := l.window; {
	case w.ago.N == 0:
		n.rolling, n.calendar = max(n.rolling, w.rolling), max(n.calendar, w.calendar)
	case !slices.Contains(n.past, w):
		n.past = append(n.past, w)
	}
	n.texts = n.texts || windowed && (l.aggregate == Distinct || l.aggregate == MostFrequent || !l.compare.numeric)
	n.sums = n.sums || windowed && (l.aggregate == Sum || l.aggregate == Avg)
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
	if l.aggregate != Count || len(l.compare.numbers) == 0 || l.window.ago.N > 0 {
		return 0
	}
	most := int64(0)
	for _, n := range l.compare.numbers {
		most = max(most, n/million)
	}
	return int(min(most, 1<<20)) + 1
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
	if f == nil && x.Name == "" && c.lacks {
		return anyOf(nil)
	}
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
		c.missing(x.At, "%s is a %s, which cannot be compared with that", x.Name,
			map[bool]string{true: "text", false: "number"}[f.Text])
	}
	l.bound()
	c.uses.figure(f)
	return l
}

func (u *uses) figure(f *state.Figure) {
	if f.Stamp != nil {
		u.stamped = append(u.stamped, f)
		return
	}
	folds := f.Folds
	if folds == nil {
		folds = state.Describe(f.Owner).Folds
	}
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
		c.expression(x.TextAt, err)
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
		if !c.partly {
			c.fault(x.At, "there is no segment %s before this one", x.ID)
		}
		return anyOf(nil)
	}
	c.uses.join(&c.users[g.index])
	l := &segmentLeaf{segment: g, inFor: duration(x.InFor)}
	if x.InFor.N > 0 {
		g.tracked = c.track(&segmentLeaf{segment: g})
	}
	return l
}

// meant is a hint at a figure of another feature, or of this one under another name.
func (c *compiler) meant(name string) string {
	_, last, _ := strings.Cut(name, ".")
	for _, known := range slices.Sorted(maps.Keys(c.figure)) {
		if _, l, _ := strings.Cut(known, "."); l == last || l == name {
			return "; did you mean " + known + "?"
		}
	}
	return field.Meant(name, slices.Sorted(maps.Keys(c.figure)))
}
