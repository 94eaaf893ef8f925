package events

// when fills in the event's time, judged against the instant at which the record first was appended.
func (d *Decoder) when(appended Instant, e *Event) *Refusal {
	sent, refusal := d.sentTime()
	switch {
	case refusal != nil:
		return refusal
	case sent == Never:
		d.notes |= NoTime
		e.Time = appended
	case sent > appended+d.ahead:
		return &Refusal{FutureTime, "later than the append time by more than is allowed"}
	case sent > appended:
		d.notes |= Clamped
		e.Time = appended
	default:
		e.Time = sent
	}
	return nil
}

// sentTime is the time attribute of a CloudEvent, else timestamp, else originalTimestamp corrected by what the sender's
// clock was off when it sent, receivedAt - sentAt, if both are there. Never: no time was sent.
func (d *Decoder) sentTime() (Instant, *Refusal) {
	v, m := &d.env, &d.message
	switch {
	case v.unreadable[ceTime]:
		return 0, &Refusal{BadTime, "the attribute time is not a string"}
	case v.attributes[ceTime] != nil:
		return instantIn("the attribute time", v.attributes[ceTime])
	case !m.part(timestamp).absent():
		return instantIn("timestamp", d.peek(m.part(timestamp)))
	case m.part(originalTimestamp).absent():
		return Never, nil
	}
	t, refusal := instantIn("originalTimestamp", d.peek(m.part(originalTimestamp)))
	if refusal != nil || m.part(sentAt).absent() || m.part(receivedAt).absent() {
		return t, refusal
	}
	sent, refusal := instantIn("sentAt", d.peek(m.part(sentAt)))
	if refusal != nil {
		return 0, refusal
	}
	received, refusal := instantIn("receivedAt", d.peek(m.part(receivedAt)))
	if refusal != nil {
		return 0, refusal
	}
	if t += received - sent; t < 0 {
		return 0, &Refusal{BadTime, "originalTimestamp, corrected, is before 1970"}
	}
	d.notes |= Corrected
	return t, nil
}

func instantIn(where string, text []byte) (Instant, *Refusal) {
	t, ok := parseTime(text)
	if !ok {
		return 0, &Refusal{BadTime, where + " is not RFC 3339 from 1970 on"}
	}
	return t, nil
}
