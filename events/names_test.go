package events_test

import (
	"strings"
	"testing"

	. "github.com/touchfold/touchfold/events"
)

// contract is what CONTRACTS.md lists, copied by hand: names, and aliases after a colon.
const contract = `Products Searched:search|Product List Viewed:Viewed Product Category,view_item_list|Product List Filtered|
Promotion Viewed:Viewed Promotion,view_promotion|Promotion Clicked:Clicked Promotion,select_promotion|
Product Clicked:Clicked Product,select_item|Product Viewed:Viewed Product,view_item|Product Added:Added Product,add_to_cart|
Product Removed:Removed Product,remove_from_cart|Cart Viewed:view_cart|Checkout Started:Started Order,begin_checkout|
Checkout Step Viewed:Viewed Checkout Step|Checkout Step Completed:Completed Checkout Step|Payment Info Entered|
Order Updated:Updated Order|Order Completed:Completed Order,purchase|Order Refunded:refund|Order Cancelled|Coupon Entered|
Coupon Applied|Coupon Denied|Coupon Removed|Product Added to Wishlist:add_to_wishlist|Product Removed from Wishlist|
Wishlist Product Added to Cart|Product Shared:share|Cart Shared|Product Reviewed|
Email Sent|Email Delivered|Email Opened|Email Link Clicked|Email Bounced|Email Marked as Spam|Unsubscribed|
Push Notification Received|Push Notification Tapped|SMS Sent|SMS Delivered|SMS Failed|SMS Replied|
Call Started|Call Completed|Call Abandoned|Case Opened|Case Updated|Case Resolved|Case Reopened|Case Escalated|
Complaint Received|Live Chat Conversation Started|Live Chat Conversation Ended|Survey Completed|
Social Mention|Social Commented|Social Shared|Social Messaged|Social Followed|
Experiment Assigned|Loyalty Enrolled|Points Earned|Points Redeemed|Points Adjusted|Consent Granted|Consent Withdrawn|
Event Attended|Product Published|Product Price Changed|Product Restocked|
Page Viewed|Screen Viewed|Identify|Group|Alias|Weather Observed`

func TestNamesAreTheContracts(t *testing.T) {
	listed := map[Type]bool{}
	for _, entry := range strings.Split(strings.ReplaceAll(contract, "\n", ""), "|") {
		name, aliases, _ := strings.Cut(entry, ":")
		want := TypeOf(name)
		if want == Unknown || want.Name() != name || listed[want] {
			t.Errorf("%q: type %v, twice %v", name, want, listed[want])
		}
		listed[want] = true
		forms := []string{strings.ReplaceAll(strings.ToLower(name), " ", ".")}
		if aliases != "" {
			forms = append(forms, strings.Split(aliases, ",")...)
		}
		for _, alias := range forms {
			if got := TypeOf(alias); got != want {
				t.Errorf("%q is %v, want %v", alias, got, want)
			}
		}
		if got := len(want.About().Aliases) + 1; got != len(forms) {
			t.Errorf("%q has %d aliases, want %d", name, got-1, len(forms)-1)
		}
	}
	if len(listed) != len(Types()) {
		t.Errorf("%d names in the contract, %d in the table", len(listed), len(Types()))
	}
	for _, name := range []string{"", "Site Visited", "order completed", "Order Completed ", "unknown"} {
		if got := TypeOf(name); got != Unknown {
			t.Errorf("%q is %v, want none", name, got)
		}
	}
}

// TestTableIsSound: no name stands twice in any form, and what an entry says fits together.
func TestTableIsSound(t *testing.T) {
	owner, calls := map[string]Type{}, map[string]Type{}
	for _, of := range Types() {
		a := of.About()
		for _, form := range append([]string{a.Name, Dotted(a.Name)}, a.Aliases...) {
			if other, taken := owner[form]; taken || form == "" {
				t.Errorf("%q is a name of both %v and %v", form, other, of)
			}
			owner[form] = of
		}
		if a.Call != "" {
			if other, taken := calls[a.Call]; taken {
				t.Errorf("call %q is both %v and %v", a.Call, other, of)
			}
			calls[a.Call] = of
		}
		if (a.Initiator == Nobody) != (a.Stage == Nowhere) {
			t.Errorf("%v: a contact has an initiator and a stage, what is none has neither", of)
		}
		if a.Initiator != Nobody && a.Channel == "" {
			t.Errorf("%v: a contact has a channel", of)
		}
		if a.Catalogue && a.Initiator != Nobody || a.Negative && a.Body != Sale {
			t.Errorf("%v: catalogue, initiator, negative and body do not fit together", of)
		}
	}
	if len(calls) != 5 {
		t.Errorf("%d calls have a type, want 5", len(calls))
	}
	if a := Unknown.About(); a.Name != "" || a.Channel != "" || a.Body != Plain {
		t.Errorf("Unknown is %+v, want nothing", a)
	}
}

func TestClosedListsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Reasons {
		if r.String() == "" || seen[r.String()] {
			t.Errorf("reason %d has no name of its own", r)
		}
		seen[r.String()] = true
	}
	clear(seen)
	for _, n := range AllNotes {
		if n.String() == "" || seen[n.String()] {
			t.Errorf("note %b has no name of its own", n)
		}
		seen[n.String()] = true
	}
	if (NoTime|Rounded).String() != "" || !(NoTime | Rounded).Has(Rounded) || NoTime.Has(Rounded) {
		t.Error("several notes have no name, and each is in them")
	}
}
