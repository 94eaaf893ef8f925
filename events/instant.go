package events

const (
	msPerMinute = 60_000
	msPerDay    = 24 * 60 * msPerMinute
)

// parseTime reads an RFC 3339 time: T and Z in either case, any number of fraction digits (cut to milliseconds), an
// offset or Z. A leap second (23:59:60 UTC) is the first of the next day. A time before 1970 is none.
func parseTime(b []byte) (Instant, bool) {
	if len(b) < len("2006-01-02T15:04:05Z") || b[4] != '-' || b[7] != '-' || b[10]|0x20 != 't' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	var n [6]int64 // year, month, day, hour, minute, second
	for i, at := range [...]int{2, 5, 8, 11, 14, 17} {
		v, ok := twoDigits(b[at:])
		if !ok {
			return 0, false
		}
		n[i] = v
	}
	century, ok := twoDigits(b)
	year := century*100 + n[0]
	if !ok || n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > daysIn(year, n[1]) || n[3] > 23 || n[4] > 59 || n[5] > 60 {
		return 0, false
	}
	ms, rest, ok := fraction(b[19:])
	if !ok {
		return 0, false
	}
	offset, ok := zone(rest)
	if !ok {
		return 0, false
	}
	t := daysFromCivil(year, n[1], n[2])*msPerDay + n[3]*60*msPerMinute + n[4]*msPerMinute + n[5]*1000 - offset
	if n[5] == 60 && t%msPerDay != 0 {
		return 0, false
	}
	return Instant(t + ms), t+ms >= 0
}

// fraction reads the milliseconds of .123456, if it stands there.
func fraction(b []byte) (ms int64, rest []byte, ok bool) {
	if b[0] != '.' {
		return 0, b, true
	}
	i := 1
	for unit := int64(100); i < len(b) && b[i]-'0' <= 9; i++ {
		ms += int64(b[i]-'0') * unit
		unit /= 10
	}
	return ms, b[i:], i > 1
}

// zone reads Z or +08:00 to its end, in milliseconds east of UTC.
func zone(b []byte) (int64, bool) {
	if len(b) == 1 {
		return 0, b[0]|0x20 == 'z'
	}
	if len(b) != 6 || b[3] != ':' || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	h, hok := twoDigits(b[1:])
	m, mok := twoDigits(b[4:])
	if !hok || !mok || h > 23 || m > 59 {
		return 0, false
	}
	ms := (h*60 + m) * msPerMinute
	if b[0] == '-' {
		ms = -ms
	}
	return ms, true
}

func twoDigits(b []byte) (int64, bool) {
	tens, ones := b[0]-'0', b[1]-'0'
	return int64(tens)*10 + int64(ones), tens <= 9 && ones <= 9
}

func daysIn(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysFromCivil is the number of days from 1970-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
func daysFromCivil(year, month, day int64) int64 {
	if month <= 2 {
		year--
	}
	if year < 0 {
		return -1 << 20 // January or February of year 0: before 1970 all the same
	}
	era := year / 400
	ofEra := year - era*400
	ofYear := (153*((month+9)%12)+2)/5 + day - 1
	return era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468
}
