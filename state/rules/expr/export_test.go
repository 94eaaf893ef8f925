package expr

// Compiled says whether a predicate is closures.
func Compiled(p *Predicate) bool { return p.holds != nil }

// ByCEL is the predicate run by CEL itself, be it compiled to closures or not.
func ByCEL(text string, figures map[string]Kind) (*Predicate, error) {
	var names scope = eventScope{}
	if figures != nil {
		names = figureScope(figures)
	}
	checked, _, faults := check(text, names)
	if len(faults) > 0 {
		return nil, faults
	}
	l := newLowering(checked, names)
	lowered := l.lower(checked.Expr(), boolean)
	program, err := l.program(lowered)
	return &Predicate{slots: l.slots, program: program}, err
}
