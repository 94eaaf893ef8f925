package chain

import (
	"fmt"
	"time"

	"github.com/touchfold/touchfold/events"
)

// planMailings queues the newsletter, every second Thursday, and what the catalogue says on the day before.
func (c *Chain) planMailings() {
	t := at(c.config.Start, 10)
	for t.Time().In(local).Weekday() != time.Thursday {
		t += day
	}
	c.wake(t, c.mail)
}

// mail sends a newsletter to all who take it.
func (c *Chain) mail(t events.Instant) {
	name := "newsletter " + t.Time().In(local).Format("2006-01-02")
	if feast, soon := season(t); soon {
		name = fmt.Sprintf("%s %d", feast, t.Time().In(local).Year())
	}
	c.changePrices(t)
	for _, p := range c.people {
		if p.mailed {
			c.mailTo(p, t+events.Instant(c.between(0, 30))*minute, name)
		}
	}
	c.wake(t+14*day, c.mail)
}

// mailTo sends it to one person, who may open it, click, and buy; or has enough of it.
func (c *Chain) mailTo(p *person, t events.Instant, name string) {
	s := &session{c: c, p: p, t: t, hurry: 1, campaign: name}
	mail := func(t events.Instant, event string) {
		s.record(t, "", event, props{"campaign_name": name, "email_id": slug(name) + "-" + p.id})
	}
	mail(t, "Email Sent")
	if c.chance(0.004) {
		mail(t+minute, "Email Bounced")
		return
	}
	if !c.chance(p.reads) {
		return
	}
	opened := t + c.days(0.01, 1.2)
	mail(opened, "Email Opened")
	switch x := c.rng.Float64(); {
	case x < 0.12:
		mail(opened+minute, "Email Link Clicked")
		c.wake(opened+2*minute, func(t events.Instant) {
			s.t = t
			s.browse(false)
		})
	case x < 0.13:
		p.mailed = false
		mail(opened+minute, "Unsubscribed")
	case x < 0.132:
		p.mailed = false
		mail(opened+minute, "Email Marked as Spam")
	}
}

// changePrices says what is new in the catalogue: of no customer, for everybody.
func (c *Chain) changePrices(t events.Instant) {
	p := pick(c, c.catalog)
	m := message{Type: "track", Event: "Product Price Changed", Timestamp: utc(t), MessageID: "price-" + p.id + utc(t),
		Properties: props{"product_id": p.id, "currency": "HKD", "price": decimal(p.hkd*9/10, "HKD"), "old_price": decimal(p.hkd, "HKD")}}
	c.push(entry{at: t, touchpoint: m.text()})
}
