package rdf

import (
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// labeller names the blank nodes of one text.
type labeller struct {
	prefix string
	given  int
}

// fresh is a new blank node, with a label that no node of the text has.
func (l *labeller) fresh() base.Term {
	l.given++
	return base.Blank(l.prefix + "genid" + strconv.Itoa(l.given))
}

// labelled is the blank node of a label of the text. Labels that fresh could
// give ("genid", digits and any number of x) become one x longer, all others
// stay as they are.
func (l *labeller) labelled(label string) base.Term {
	digits, ok := strings.CutPrefix(label, "genid")
	if ok && strings.Trim(strings.TrimRight(digits, "x"), "0123456789") == "" {
		label += "x"
	}
	return base.Blank(l.prefix + label)
}
