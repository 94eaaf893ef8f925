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
	century, year, month, day := twoDigits(b[0], b[1]), twoDigits(b[2], b[3]), twoDigits(b[5], b[6]), twoDigits(b[8], b[9])
	hour, minute, second := twoDigits(b[11], b[12]), twoDigits(b[14], b[15]), twoDigits(b[17], b[18])
	if century > 99 || year > 99 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	year += 100 * century
	ms, rest, ok := fraction(b[19:])
	if !ok || day > 28 && day > daysIn(year, month) {
		return 0, false
	}
	offset, ok := zone(rest)
	if !ok {
		return 0, false
	}
	t := daysFromCivil(year, month, day)*msPerDay + hour*60*msPerMinute + minute*msPerMinute + second*1000 - offset
	if second == 60 && t%msPerDay != 0 {
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
	h, m := twoDigits(b[1], b[2]), twoDigits(b[4], b[5])
	if h > 23 || m > 59 {
		return 0, false
	}
	ms := (h*60 + m) * msPerMinute
	if b[0] == '-' {
		ms = -ms
	}
	return ms, true
}

// twoDigits is the number that two digits write, above 99 of anything else.
func twoDigits(tens, ones byte) int64 {
	if tens -= '0'; tens > 9 {
		return 100
	}
	if ones -= '0'; ones > 9 {
		return 100
	}
	return int64(tens)*10 + int64(ones)
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
