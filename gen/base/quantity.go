package base

import "strconv"

// Quantity writes a number of base units as people write it.
func Quantity(value int64, syntax Syntax) string { return strconv.FormatInt(value, 10) }
