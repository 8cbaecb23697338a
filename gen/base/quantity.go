package base

import (
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// unit is a word that stands for a number of base units.
type unit struct {
	word  string
	value int64
}

// units are those of each syntax, in the order in which they are preferred
// for writing among equally short texts.
func units(syntax Syntax) []unit {
	switch syntax {
	case ByteSyntax:
		return []unit{
			{"B", 1},
			{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"PiB", 1 << 50},
			{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"PB", 1e15},
		}
	case CPUSyntax:
		return []unit{{"m", 1}, {"", 1000}}
	case SecondsSyntax:
		return []unit{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}
	case MillisSyntax:
		return []unit{{"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}}
	}
	return nil
}

// Quantity writes a number of base units as people write it: exactly, with
// the unit that leaves the fewest digits ('512MiB', '100GB', '500m', '2',
// '15s', '1h'). ParseQuantity reads it back as the same number.
func Quantity(value int64, syntax Syntax) string {
	best := strconv.FormatInt(value, 10)
	for i, u := range units(syntax) {
		if value%u.value != 0 || value == 0 && i > 0 {
			continue
		}
		digits := strconv.FormatInt(value/u.value, 10)
		if i == 0 || len(digits) < numberLength(best) {
			best = digits + u.word
		}
	}
	return best
}

// numberLength is how much of a quantity is its number.
func numberLength(text string) int {
	return len(text) - len(strings.TrimLeft(text, "-.0123456789"))
}

// ParseQuantity reads what people write as a number of base units. Fractions
// are welcome where a whole number results ('1.5GiB'). The error says what to
// write instead.
func ParseQuantity(text string, syntax Syntax) (int64, error) {
	all := units(syntax)
	n := numberLength(text)
	number, word := text[:n], text[n:]
	if !isNumber(number) {
		return 0, quantityError(text, syntax, "begins with no number", "")
	}
	if all == nil && word != "" {
		return 0, quantityError(text, syntax, "takes no unit", number)
	}
	factor := int64(1)
	if all != nil {
		i := slices.IndexFunc(all, func(u unit) bool { return u.word == word })
		if word == "KB" { // common, and cannot be misread
			i = slices.IndexFunc(all, func(u unit) bool { return u.word == "kB" })
		}
		if i < 0 {
			return 0, unknownUnit(text, number, word, syntax, all)
		}
		factor = all[i].value
	}
	return exact(text, number, factor, syntax)
}

// isNumber tests for -?digits(.digits)?, short enough to be calculated with.
func isNumber(s string) bool {
	whole, fraction, dotted := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return len(s) <= 40 && isDigits(whole) && (!dotted || isDigits(fraction))
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// exact multiplies without rounding.
func exact(text, number string, factor int64, syntax Syntax) (int64, error) {
	product, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, quantityError(text, syntax, "begins with no number", "")
	}
	product.Mul(product, new(big.Rat).SetInt64(factor))
	if !product.IsInt() {
		whole := new(big.Int).Quo(product.Num(), product.Denom())
		fix := ""
		if whole.IsInt64() && whole.Sign() != 0 {
			fix = Quantity(whole.Int64(), syntax)
		}
		return 0, quantityError(text, syntax, "is no whole number of "+baseUnit(syntax), fix)
	}
	if !product.Num().IsInt64() {
		return 0, quantityError(text, syntax, "is too large", "")
	}
	return product.Num().Int64(), nil
}

func unknownUnit(text, number, word string, syntax Syntax, all []unit) error {
	if word == "" {
		return quantityError(text, syntax, "has no unit", number+all[0].word)
	}
	words := make([]string, len(all))
	for i, u := range all {
		words[i] = u.word
		if u.word != "" && (strings.EqualFold(u.word, word) || strings.EqualFold(u.word, word+"B") || strings.EqualFold(u.word, strings.TrimSpace(word))) {
			return quantityError(text, syntax, "has the unknown unit "+strconv.Quote(shorten(word)), number+u.word)
		}
	}
	near := Nearest(word, words)
	if near != "" {
		near = number + near
	}
	return quantityError(text, syntax, "has the unknown unit "+strconv.Quote(shorten(word)), near)
}

func baseUnit(syntax Syntax) string {
	switch syntax {
	case ByteSyntax:
		return "bytes"
	case CPUSyntax:
		return "thousandths of a CPU"
	case SecondsSyntax:
		return "seconds"
	case MillisSyntax:
		return "milliseconds"
	}
	return "units"
}

// ExpectedQuantity says in a few words what a syntax accepts.
func ExpectedQuantity(syntax Syntax) string {
	switch syntax {
	case ByteSyntax:
		return "bytes such as '512MiB' or '100GB'"
	case CPUSyntax:
		return "CPUs such as '500m' or '2'"
	case SecondsSyntax:
		return "a time such as '15s', '5m', '1h' or '7d'"
	case MillisSyntax:
		return "a time such as '250ms' or '2s'"
	}
	return "a whole number"
}

func quantityError(text string, syntax Syntax, reason, fix string) error {
	next := "expected " + ExpectedQuantity(syntax)
	if fix != "" {
		next = "write '" + fix + "'"
	}
	return errors.New("'" + shorten(text) + "' " + reason + "; " + next)
}
