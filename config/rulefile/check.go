package rulefile

import (
	"slices"
	"strings"

	"github.com/touchfold/touchfold/state/rules"
)

// checkBook notes what concerns several rules.
func (r *reader) checkBook(b *rules.Book) {
	if n := len(b.Segments) + len(b.Triggers); n > maxRules {
		r.fault(rules.Place{Line: 1, Column: 1}, "has %d rules; at most %d are taken", n, maxRules)
	}
	var known []string
	for _, s := range b.Segments {
		known = append(known, s.ID)
	}
	for _, m := range r.named {
		if !slices.Contains(known, m.id) {
			r.rule, r.key = m.rule, m.key
			r.fault(m.at, "there is no segment %s in this rulebook%s", m.id, r.meant(m.id, known))
		}
	}
	r.rule, r.key = "", ""
	c := circles{reader: r, of: map[string][]mention{}, done: map[string]bool{}}
	for _, m := range r.named {
		if m.circular && slices.Contains(known, m.rule) {
			c.of[m.rule] = append(c.of[m.rule], m)
		}
	}
	for _, id := range known {
		c.follow(id)
	}
}

// circles finds segments that depend on themselves.
type circles struct {
	*reader
	of   map[string][]mention
	done map[string]bool
	path []string // from a segment to those it names
}

func (c *circles) follow(id string) {
	if c.done[id] {
		return
	}
	c.path = append(c.path, id)
	for _, m := range c.of[id] {
		if i := slices.Index(c.path, m.id); i >= 0 {
			c.rule = id
			circle := strings.Join(append(slices.Clone(c.path[i:]), m.id), " → ")
			c.fault(m.at, "segments in a circle: %s; no segment may depend on itself", circle)
			continue
		}
		c.follow(m.id)
	}
	c.path = c.path[:len(c.path)-1]
	c.done[id] = true
}
