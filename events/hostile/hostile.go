// Package hostile is a corpus of records that a touchpoint topic may hold and that no one should have sent, for tests
// of everything that reads them: each is refused for one reason or accepted as documented.
package hostile

import "github.com/touchfold/touchfold/events"

// Case is one record and what becomes of it.
type Case struct {
	Name     string
	Record   events.Record
	Accepted bool
	Reason   events.Reason // why it is refused; 0 if Accepted
}

// Cases are the corpus.
func Cases() []Case { return nil }
