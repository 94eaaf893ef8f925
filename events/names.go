package events

import "strings"

// Type is an event's place in the table of names. Stores hold the number, so a new type goes to the end of the list and
// none is ever removed or moved; streams hold names.
type Type uint16

// The types of touchpoint. Unknown is the zero: a name that the table does not have.
const (
	Unknown Type = iota

	ProductsSearched
	ProductListViewed
	ProductListFiltered
	PromotionViewed
	PromotionClicked
	ProductClicked
	ProductViewed
	ProductAdded
	ProductRemoved
	CartViewed
	CheckoutStarted
	CheckoutStepViewed
	CheckoutStepCompleted
	PaymentInfoEntered
	OrderUpdated
	OrderCompleted
	OrderRefunded
	OrderCancelled
	CouponEntered
	CouponApplied
	CouponDenied
	CouponRemoved
	ProductAddedToWishlist
	ProductRemovedFromWishlist
	WishlistProductAddedToCart
	ProductShared
	CartShared
	ProductReviewed

	EmailSent
	EmailDelivered
	EmailOpened
	EmailLinkClicked
	EmailBounced
	EmailMarkedAsSpam
	Unsubscribed

	PushNotificationReceived
	PushNotificationTapped
	SMSSent
	SMSDelivered
	SMSFailed
	SMSReplied

	CallStarted
	CallCompleted
	CallAbandoned
	CaseOpened
	CaseUpdated
	CaseResolved
	CaseReopened
	CaseEscalated
	ComplaintReceived
	LiveChatStarted
	LiveChatEnded

	SurveyCompleted
	SocialMention
	SocialCommented
	SocialShared
	SocialMessaged
	SocialFollowed

	ExperimentAssigned
	LoyaltyEnrolled
	PointsEarned
	PointsRedeemed
	PointsAdjusted
	ConsentGranted
	ConsentWithdrawn
	EventAttended

	ProductPublished
	ProductPriceChanged
	ProductRestocked

	PageViewed
	ScreenViewed
	Identify
	Group
	Alias

	WeatherObserved

	typeCount // the number of types, Unknown included
)

// Initiator says who began a contact.
type Initiator uint8

// Who may begin a contact. Nobody: the event is no contact (a bookkeeping of ours, a link between names).
const (
	Nobody Initiator = iota
	Brand
	Customer
)

// String is the name for output: "", "brand", "customer".
func (i Initiator) String() string { return [...]string{"", "brand", "customer"}[i] }

// Stage says where a contact stands in the course of a purchase.
type Stage uint8

// The stages. Nowhere: the event has no place in the course of a purchase.
const (
	Nowhere Stage = iota
	Before
	During
	After
)

// String is the name for output: "", "before", "during", "after".
func (s Stage) String() string { return [...]string{"", "before", "during", "after"}[s] }

// Body says which of an event's properties the decoder reads into fields of the Event; the others go to Rest.
type Body uint8

const (
	Plain  Body = iota // none: all go to Rest
	Basket             // Items and, where it can be read, Order: what cannot be read stays in Rest, noted
	Sale               // Items and Order: what cannot be read refuses the event, for it is money
)

// Name is what the vocabulary knows of one type of event. CONTRACTS.md calls the field Name "the event's name".
type Name struct {
	Name      string
	Aliases   []string // other names, exact: Segment v1, GA4. The CloudEvents form (Dotted) is one without being listed
	Channel   string   // where such a contact takes place when context.channel does not say
	Initiator Initiator
	Stage     Stage
	Body      Body
	Call      string // the Segment call that is this event whatever its `event` says
	Catalogue bool   // about the catalogue or the world: of no customer, for every shard
	Negative  bool   // amounts may be sent below zero and count by their absolute value
}

// OfWorld: such an event is of the catalogue or of the world: of no customer, for every shard.
func (t Type) OfWorld() bool { return names[t].Catalogue }

// Name is the event's name, "" of Unknown.
func (t Type) Name() string { return names[t].Name }

// String is the event's name, "unknown" of Unknown: a label for metrics.
func (t Type) String() string {
	if t == Unknown {
		return "unknown"
	}
	return names[t].Name
}

// About is the table's entry of t. Of Unknown it is empty: no channel, no initiator, no stage. Do not modify Aliases.
func (t Type) About() *Name { return &names[t] }

// Types are all types but Unknown, in the table's order.
func Types() []Type {
	all := make([]Type, 0, typeCount-1)
	for t := Unknown + 1; t < typeCount; t++ {
		all = append(all, t)
	}
	return all
}

// TypeOf finds a type by its name, an alias or its dotted form; Unknown if there is none. Case and spaces count.
func TypeOf(name string) Type { return byName[name] }

// Dotted is a name's form in CloudEvents types: "Order Completed" is order.completed.
func Dotted(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", ".") }

var byName = indexNames(names[:])

// indexNames maps every name, alias and dotted form to its type. That none stands twice is a test's to say.
func indexNames(table []Name) map[string]Type {
	index := make(map[string]Type, 3*len(table))
	for t := Unknown + 1; int(t) < len(table); t++ {
		index[table[t].Name] = t
		index[Dotted(table[t].Name)] = t
		for _, alias := range table[t].Aliases {
			index[alias] = t
		}
	}
	return index
}
