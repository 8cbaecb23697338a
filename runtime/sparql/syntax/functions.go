package syntax

import (
	"fmt"
	"strings"
)

// builtins lists the functions of section 17.4 with the fewest and the most
// arguments; -1 means any number.
func builtins() []builtinFunction {
	return []builtinFunction{
		{"STR", 1, 1}, {"LANG", 1, 1}, {"LANGMATCHES", 2, 2}, {"DATATYPE", 1, 1}, {"BOUND", 1, 1},
		{"IRI", 1, 1}, {"URI", 1, 1}, {"BNODE", 0, 1}, {"RAND", 0, 0}, {"ABS", 1, 1}, {"CEIL", 1, 1},
		{"FLOOR", 1, 1}, {"ROUND", 1, 1}, {"CONCAT", 0, -1}, {"STRLEN", 1, 1}, {"UCASE", 1, 1},
		{"LCASE", 1, 1}, {"ENCODE_FOR_URI", 1, 1}, {"CONTAINS", 2, 2}, {"STRSTARTS", 2, 2},
		{"STRENDS", 2, 2}, {"STRBEFORE", 2, 2}, {"STRAFTER", 2, 2}, {"YEAR", 1, 1}, {"MONTH", 1, 1},
		{"DAY", 1, 1}, {"HOURS", 1, 1}, {"MINUTES", 1, 1}, {"SECONDS", 1, 1}, {"TIMEZONE", 1, 1},
		{"TZ", 1, 1}, {"NOW", 0, 0}, {"UUID", 0, 0}, {"STRUUID", 0, 0}, {"MD5", 1, 1}, {"SHA1", 1, 1},
		{"SHA256", 1, 1}, {"SHA384", 1, 1}, {"SHA512", 1, 1}, {"COALESCE", 0, -1}, {"IF", 3, 3},
		{"STRLANG", 2, 2}, {"STRDT", 2, 2}, {"SAMETERM", 2, 2}, {"ISIRI", 1, 1}, {"ISURI", 1, 1},
		{"ISBLANK", 1, 1}, {"ISLITERAL", 1, 1}, {"ISNUMERIC", 1, 1}, {"REGEX", 2, 3}, {"SUBSTR", 2, 3},
		{"REPLACE", 3, 4},
	}
}

type builtinFunction struct {
	name        string
	least, most int
}

func arity(name string) (least, most int, ok bool) {
	for _, f := range builtins() {
		if f.name == name {
			return f.least, f.most, true
		}
	}
	return 0, 0, false
}

func isAggregate(name string) bool {
	switch name {
	case "COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT":
		return true
	}
	return false
}

func isFunction(word string) bool {
	name := strings.ToUpper(word)
	_, _, ok := arity(name)
	return ok || isAggregate(name)
}

func functionNames() []string {
	names := []string{"COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT", "EXISTS"}
	for _, f := range builtins() {
		names = append(names, f.name)
	}
	return names
}

func arityText(least, most int) string {
	switch {
	case least == most && least == 1:
		return "1 argument"
	case least == most:
		return fmt.Sprintf("%d arguments", least)
	}
	return fmt.Sprintf("%d to %d arguments", least, most)
}
