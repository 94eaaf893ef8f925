package events_test

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	. "github.com/touchfold/touchfold/events"
)

func (o *oracle) identity(shape string, a, m, p map[string]any, origin Origin) {
	if shape == "bare" {
		o.messageID(m, p, origin)
	} else {
		if s, ok := a["id"].(string); !ok || strings.TrimSpace(s) == "" {
			refuse(NoID)
		}
		o.e.ID, o.e.Source = id(a["id"], NoID), a["source"].(string)
		id(a["source"], NoID)
		if s, ok := text(a["sequence"]); ok {
			o.e.Sequence = id(s, NoID)
		}
	}
	if o.e.Type.About().Catalogue {
		return
	}
	customer := id(m["userId"], NoCustomer)
	if customer == "" {
		if _, ok := a["subject"].(string); !ok && a["subject"] != nil {
			refuse(NoCustomer)
		}
		customer = id(a["subject"], NoCustomer)
	}
	if customer == "" {
		anonymous := id(m["anonymousId"], NoCustomer)
		if anonymous == "" {
			refuse(NoCustomer)
		}
		customer = "anon:" + anonymous
	} else {
		o.e.Links.Anonymous = try(func() string { return id(m["anonymousId"], NoID) })
	}
	o.e.Customer = CustomerID(customer)
	o.e.Links.Previous = try(func() string { return id(m["previousId"], NoID) })
	o.e.Links.Group = try(func() string { return id(m["groupId"], NoID) })
}

func (o *oracle) messageID(m, p map[string]any, origin Origin) {
	if o.e.ID = id(m["messageId"], NoID); o.e.ID != "" {
		return
	}
	var parts []string
	for _, f := range []string{"store_id", "workstation_id", "business_date", "sequence_number"} {
		if s := try(func() string { return id(p[f], NoID) }); s != "" {
			parts = append(parts, strings.NewReplacer("/", "%2F", "%", "%25").Replace(s))
		}
	}
	if joined := strings.Join(parts, "/"); len(parts) == 4 && len(joined) <= 1024 {
		o.e.Source, o.e.ID = "pos", joined
		return
	}
	o.notes |= NoMessageID
	o.e.Source, o.e.ID = "position", fmt.Sprintf("%s/%d/%d", origin.Topic, origin.Partition, origin.Offset)
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func instant(v any) Instant {
	s, _ := v.(string)
	if !rfc3339.MatchString(s) {
		refuse(BadTime)
	}
	s = strings.ToUpper(s)
	leap := s[17:19] == "60"
	if leap {
		s = s[:17] + "59" + s[19:]
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		refuse(BadTime)
	}
	if leap {
		if u := t.UTC(); u.Hour() != 23 || u.Minute() != 59 {
			refuse(BadTime)
		}
		t = t.Add(time.Second)
	}
	if t.Unix() < 0 {
		refuse(BadTime)
	}
	return At(t)
}

func (o *oracle) time(ceTime any, m map[string]any, appended Instant) {
	var t Instant
	switch {
	case ceTime != nil:
		t = instant(ceTime)
	case m["timestamp"] != nil:
		t = instant(m["timestamp"])
	case m["originalTimestamp"] != nil:
		t = instant(m["originalTimestamp"])
		if m["sentAt"] != nil && m["receivedAt"] != nil {
			sent := instant(m["sentAt"])
			if t += instant(m["receivedAt"]) - sent; t < 0 {
				refuse(BadTime)
			}
			o.notes |= Corrected
		}
	default:
		t = appended
		o.notes |= NoTime
	}
	if t > appended+Instant(o.config.Ahead.Milliseconds()) {
		refuse(FutureTime)
	}
	if t > appended {
		t = appended
		o.notes |= Clamped
	}
	o.e.Time = t
}
