package rules

// Meanings is those of the triggers of a book without faults.
func Meanings(c Config) (all []string) {
	p, _ := compile(c)
	for _, t := range p.triggers {
		all = append(all, t.meaning)
	}
	return all
}
