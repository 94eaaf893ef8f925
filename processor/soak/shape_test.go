package soak

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// shape makes e a record in one of the shapes that are accepted, with one of the ids.
func (f *feed) shape(e event) touch {
	t := touch{customer: e.customer, at: e.at, fixedID: true, astray: f.chance(0.03), draw: f.rng.IntN(1 << 20)}
	id := fmt.Sprintf("m%d", f.sequence)
	anonymous, isAnonymous := strings.CutPrefix(e.customer, "anon:")
	m := map[string]any{"type": "track", "event": e.name, "messageId": id, "userId": e.customer, "timestamp": text(e.at), "properties": e.properties}
	if isAnonymous {
		delete(m, "userId")
		m["anonymousId"] = anonymous
	}
	if e.traits {
		m = map[string]any{"type": "identify", "messageId": id, "userId": m["userId"], "anonymousId": m["anonymousId"],
			"timestamp": text(e.at), "traits": map[string]any{"tier": f.rng.IntN(5)}}
	}
	switch x := f.rng.Float64(); {
	case e.traits || isAnonymous: // a bare message
	case x < 0.10:
		t.headers = [][2]string{{"ce_specversion", "1.0"}, {"ce_id", id}, {"ce_source", "/soak"}, {"ce_type", e.name},
			{"ce_subject", e.customer}, {"ce_time", text(e.at)}}
		t.value = encode(e.properties)
		return t
	case x < 0.20:
		t.headers = [][2]string{{"content-type", "application/cloudevents+json"}}
		t.value = encode(map[string]any{"specversion": "1.0", "id": id, "source": "/soak",
			"type": strings.ReplaceAll(strings.ToLower(e.name), " ", "."), "subject": e.customer, "time": text(e.at), "data": e.properties})
		return t
	case x < 0.25 && e.name == "Order Completed": // from a till
		delete(m, "messageId")
		e.properties["store_id"], e.properties["workstation_id"] = "s/1", f.rng.IntN(4)
		e.properties["workstation_id"] = fmt.Sprint(e.properties["workstation_id"])
		e.properties["business_date"], e.properties["sequence_number"] = e.at.Format(time.DateOnly), f.sequence
	case x < 0.27: // known by its position only
		delete(m, "messageId")
		t.fixedID = false
	case x < 0.30: // its time follows from the sender's clock, which is two hours off
		delete(m, "timestamp")
		m["originalTimestamp"], m["sentAt"], m["receivedAt"] = text(e.at.Add(-2*time.Hour)), text(e.at.Add(-time.Hour)), text(e.at.Add(time.Hour))
	}
	t.value = encode(m)
	return t
}

// again is a record that was written before: the same, or a copy with another time, or with another amount.
func (f *feed) again() touch {
	t := f.recent[f.rng.IntN(len(f.recent))]
	t.astray, t.draw = f.chance(0.1), f.rng.IntN(1<<20)
	change := f.rng.IntN(4)
	if change == 0 {
		return t
	}
	shift := time.Duration(f.rng.IntN(48*3600)-24*3600) * time.Second
	if at := t.at.Add(shift); change == 1 && at.Before(f.begin) {
		was, is := text(t.at), text(at)
		t.value = []byte(strings.ReplaceAll(string(t.value), was, is))
		headers := make([][2]string, len(t.headers))
		for i, h := range t.headers {
			headers[i] = [2]string{h[0], strings.ReplaceAll(h[1], was, is)}
		}
		t.headers = headers
		return t
	}
	t.value = []byte(strings.Replace(string(t.value), `"total":`, fmt.Sprintf(`"was":1,"total":%d`, 1+f.rng.IntN(3)), 1))
	return t
}

func text(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts, numbers and maps of them
	}
	return b
}
