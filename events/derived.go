package events

// DerivedType is the ce_type of an event that touchfold publishes.
type DerivedType string

// The derived types. Those of churn risk and value are named here; what says them comes later.
const (
	SegmentEntered   DerivedType = "crm.segment.entered.v1"
	SegmentExited    DerivedType = "crm.segment.exited.v1"
	LifecycleChanged DerivedType = "crm.lifecycle.changed.v1"
	ChurnRiskChanged DerivedType = "crm.churn_risk.changed.v1"
	ValueChanged     DerivedType = "crm.value.changed.v1"
	TriggerFired     DerivedType = "crm.trigger.fired.v1"
	TriggerWithdrawn DerivedType = "crm.trigger.withdrawn.v1"
)

// True is the value of a yes/no fact that is so; one that is not so has the value "".
const True = "true"

// MaxBecause is how many deciding events a statement names at most.
const MaxBecause = 10

// Cause says what made a statement due.
type Cause string

// The causes.
const (
	ByEvent      Cause = "event"      // a touchpoint
	ByTime       Cause = "time"       // time passed
	ByCorrection Cause = "correction" // a touchpoint that came late, or a copy that differs
	ByRules      Cause = "rules"      // the rulebook or a model changed
	ByMerge      Cause = "merge"      // two profiles became one
)

// Statement is one thing said of a customer: that a fact has a value, the n-th word on that fact.
type Statement struct {
	Customer CustomerID
	Shard    ShardID
	Fact     string // segment/vip, lifecycle
	// Value and Previous are True or "" of a yes/no fact, else the fact's text; "" is not so, unknown.
	Value, Previous string

	N         uint32   // counts the statements on this fact of this customer from 1; of a yes/no fact odd is true
	Effective Instant  // when it became so
	AsOf      Instant  // the instant for which it was computed
	Position  Offset   // with Clock the step that made it so: how far the input was folded,
	Clock     Instant  // and the shard's clock then
	Because   []string // ids of the deciding events, in order; the first MaxBecause are said

	Cause       Cause
	Rule        string
	RuleVersion uint64 // the serial of the rulebook in force; 0: the one that the shard began with
	Approximate bool   // computed from a timeline that was cut

	Priority int        // of the trigger that fired, for whoever sends it; 0: it has none
	Payload  []Property // what an occurrence carries
}

// Property is one thing that an occurrence carries: a name and a JSON text, which is no object and no array.
type Property struct{ Name, Value string }

// Family is a kind of fact: how its statements look outside.
type Family struct {
	Prefix string // of the fact's key; one that does not end in "/" is the whole key
	YesNo  bool
	Once   bool // occurrences: what follows Prefix is Property's value, "/" and the occurrence of it
	// On and Off are the types of a statement with and without a value; Event and OffEvent its names for Segment.
	On, Off         DerivedType
	Event, OffEvent string
	// Property is the Segment property that holds what follows Prefix of a yes/no fact, or a valued one's value.
	Property string
}

// Families are all kinds of fact that can be said.
var Families = []Family{
	{Prefix: "segment/", YesNo: true, On: SegmentEntered, Off: SegmentExited,
		Event: "Audience Entered", OffEvent: "Audience Exited", Property: "audience_key"},
	{Prefix: "lifecycle", On: LifecycleChanged, Off: LifecycleChanged,
		Event: "Trait Computed", OffEvent: "Trait Computed", Property: "lifecycle"},
	{Prefix: "trigger/", YesNo: true, Once: true, On: TriggerFired, Off: TriggerWithdrawn,
		Event: "Trigger Fired", OffEvent: "Trigger Withdrawn", Property: "trigger"},
}

// FamilyOf finds the family of a fact's key; nil if there is none.
func FamilyOf(fact string) *Family {
	for i := range Families {
		f := &Families[i]
		whole := f.Prefix[len(f.Prefix)-1] != '/'
		if whole && fact == f.Prefix || !whole && len(fact) > len(f.Prefix) && fact[:len(f.Prefix)] == f.Prefix {
			return f
		}
	}
	return nil
}
