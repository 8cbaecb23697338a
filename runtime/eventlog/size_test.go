package eventlog_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/eventlog"
)

func TestFlowIsOfTheLastDay(t *testing.T) {
	var f eventlog.Flow
	start := time.Unix(1_000_000, 0)
	if _, ok := f.Daily(start, 100); ok {
		t.Error("something is known at once")
	}
	if grown, ok := f.Daily(start.Add(time.Hour), 200); !ok || grown != 2400 {
		t.Errorf("100 in an hour are %d in a day", grown)
	}
	count := int64(200)
	for at := 2 * time.Hour; at <= 100*time.Hour; at += 15 * time.Minute {
		if at > 50*time.Hour {
			count += 5
		}
		f.Daily(start.Add(at), count)
	}
	if grown, _ := f.Daily(start.Add(100*time.Hour), count); grown < 475 || grown > 485 {
		t.Errorf("5 in each quarter of an hour are %d in a day", grown)
	}
}

func TestSizeTellsArchivedFromTheRest(t *testing.T) {
	l := open(t, eventlog.Config{Dir: t.TempDir(), SegmentBytes: 4000})
	for i := range 200 {
		say(t, l, fmt.Sprintf("!%d says the same again and again and again and again and again", i))
	}
	before, none := l.Size()
	if none != 0 || l.Written() < before {
		t.Errorf("%d bytes archived, %d of %d written", none, l.Written(), before)
	}
	if err := l.Archive(context.Background()); err != nil {
		t.Fatal(err)
	}
	raw, archived := l.Size()
	if archived == 0 || raw+archived >= before {
		t.Errorf("%d and %d bytes of %d", raw, archived, before)
	}
}
