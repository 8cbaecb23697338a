package value

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// parseDateTime reads an xsd:dateTime (XML Schema 1.1 part 2, section 3.3.7),
// to the nanosecond. A dateTime without a zone is taken as UTC where it is
// compared: that is this engine's implicit time zone.
func parseDateTime(s string) (Value, bool) {
	day, clock, ok := strings.Cut(s, "T")
	if !ok {
		return Value{}, false
	}
	year, month, date, ok := parseDay(day)
	if !ok {
		return Value{}, false
	}
	clock, zone, zoned, ok := cutZone(clock)
	if !ok {
		return Value{}, false
	}
	hour, minute, second, nanos, ok := parseClock(clock)
	if !ok {
		return Value{}, false
	}
	at := time.Date(year, time.Month(month), date, hour, minute, second, nanos, zone)
	return Value{Kind: DateTime, at: at, zoned: zoned}, true
}

func parseDay(s string) (year, month, day int, ok bool) {
	negative := strings.HasPrefix(s, "-")
	parts := strings.Split(strings.TrimPrefix(s, "-"), "-")
	if len(parts) != 3 || len(parts[0]) < 4 || len(parts[0]) > 9 || len(parts[1]) != 2 || len(parts[2]) != 2 {
		return 0, 0, 0, false
	}
	for _, p := range parts {
		if !allDigits(p) {
			return 0, 0, 0, false
		}
	}
	year, _ = strconv.Atoi(parts[0])
	month, _ = strconv.Atoi(parts[1])
	day, _ = strconv.Atoi(parts[2])
	if negative {
		year = -year
	}
	last := time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return year, month, day, month >= 1 && month <= 12 && day >= 1 && day <= last
}

func parseClock(s string) (hour, minute, second, nanos int, ok bool) {
	whole, fraction, hasFraction := strings.Cut(s, ".")
	if len(whole) != 8 || whole[2] != ':' || whole[5] != ':' || hasFraction && (fraction == "" || !allDigits(fraction)) {
		return 0, 0, 0, 0, false
	}
	if !allDigits(whole[0:2]) || !allDigits(whole[3:5]) || !allDigits(whole[6:8]) {
		return 0, 0, 0, 0, false
	}
	hour, _ = strconv.Atoi(whole[0:2])
	minute, _ = strconv.Atoi(whole[3:5])
	second, _ = strconv.Atoi(whole[6:8])
	nanos, _ = strconv.Atoi((fraction + "000000000")[:9])
	midnight := hour == 24 && minute == 0 && second == 0 && nanos == 0
	return hour, minute, second, nanos, (hour < 24 || midnight) && minute < 60 && second < 60
}

func cutZone(s string) (clock string, zone *time.Location, zoned, ok bool) {
	if rest, is := strings.CutSuffix(s, "Z"); is {
		return rest, time.UTC, true, true
	}
	if len(s) < 6 || s[len(s)-6] != '+' && s[len(s)-6] != '-' {
		return s, time.UTC, false, true
	}
	at := len(s) - 6
	z := s[at:]
	if z[3] != ':' || !allDigits(z[1:3]) || !allDigits(z[4:6]) {
		return "", nil, false, false
	}
	hours, _ := strconv.Atoi(z[1:3])
	minutes, _ := strconv.Atoi(z[4:6])
	offset := hours*60 + minutes
	if minutes > 59 || offset > 14*60 {
		return "", nil, false, false
	}
	if z[0] == '-' {
		offset = -offset
	}
	return s[:at], time.FixedZone("", offset*60), true, true
}

// DateTimeOf makes an xsd:dateTime in UTC.
func DateTimeOf(t time.Time) Value {
	return Value{Kind: DateTime, at: t.UTC(), zoned: true}
}

func formatDateTime(t time.Time, zoned bool) string {
	sign, year := "", t.Year()
	if year < 0 {
		sign, year = "-", -year
	}
	s := fmt.Sprintf("%s%04d-%02d-%02dT%02d:%02d:%s", sign, year, t.Month(), t.Day(), t.Hour(), t.Minute(), seconds(t))
	if !zoned {
		return s
	}
	return s + zoneText(t)
}

// seconds is the seconds part with as many digits of fraction as there are.
func seconds(t time.Time) string {
	s := fmt.Sprintf("%02d", t.Second())
	if t.Nanosecond() != 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%09d", t.Nanosecond()), "0")
	}
	return s
}

// zoneText is Z or ±hh:mm.
func zoneText(t time.Time) string {
	_, offset := t.Zone()
	if offset == 0 {
		return "Z"
	}
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	return fmt.Sprintf("%c%02d:%02d", sign, offset/3600, offset/60%60)
}

// zoneDuration is the zone as an xsd:dayTimeDuration (fn:timezone-from-dateTime).
func zoneDuration(t time.Time) string {
	_, offset := t.Zone()
	if offset == 0 {
		return "PT0S"
	}
	s := "PT"
	if offset < 0 {
		s, offset = "-PT", -offset
	}
	if h := offset / 3600; h > 0 {
		s += strconv.Itoa(h) + "H"
	}
	if m := offset / 60 % 60; m > 0 {
		s += strconv.Itoa(m) + "M"
	}
	return s
}
