package ticket_test

import (
	"strings"
	"testing"

	"github.com/picloud/picloud/runtime/enroll/ticket"
)

var known = ticket.Ticket{Cluster: "6f1c2a90-4d0e-4c55-9b1a-0c8a2f6d7e31", Authority: strings.Repeat("5a", 32)}

func TestTicketNamesItsClusterAndIsNeverMadeTwice(t *testing.T) {
	text, digest, err := ticket.New(known)
	if err != nil {
		t.Fatal(err)
	}
	read, err := ticket.Parse(" " + text + "\n")
	if err != nil || read != known {
		t.Errorf("it reads %+v, %v", read, err)
	}
	other, otherDigest, _ := ticket.New(known)
	if other == text || otherDigest == digest || digest != ticket.Digest(text) {
		t.Error("two tickets are one")
	}
}

func TestDamagedTicketIsRefusedAndNotRepeated(t *testing.T) {
	text, _, _ := ticket.New(known)
	for _, bad := range []string{"", "pct_" + text[4:], text[:len(text)-2], text + "AA", text[:20] + "!" + text[21:], "pce_", "pce_Ag" + text[6:]} {
		_, err := ticket.Parse(bad)
		if err == nil {
			t.Errorf("%q is read", bad)
			continue
		}
		if len(bad) > 20 && strings.Contains(err.Error(), bad[10:20]) {
			t.Errorf("the error shows the ticket: %v", err)
		}
	}
	for _, wrong := range []ticket.Ticket{{}, {Cluster: known.Cluster}, {Cluster: "x", Authority: known.Authority}} {
		if _, _, err := ticket.New(wrong); err == nil {
			t.Errorf("a ticket for %+v is made", wrong)
		}
	}
}

func FuzzParse(f *testing.F) {
	text, _, _ := ticket.New(known)
	f.Add(text)
	f.Add("pce_")
	f.Fuzz(func(t *testing.T, text string) {
		if read, err := ticket.Parse(text); err == nil && (len(read.Authority) != 64 || len(read.Cluster) != 36) {
			t.Errorf("%q reads as %+v", text, read)
		}
	})
}
