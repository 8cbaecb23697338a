package compaction

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/state"
)

// Through is the compaction of a log up to a position.
func Through(position uint64) eventlog.Compaction {
	j := judge{last: map[string]uint64{}}
	return eventlog.Compaction{Through: position, Note: j.note, Judge: j.judge}
}

// judge knows which event of each subject and type is the last one.
type judge struct {
	last map[string]uint64
}

// note remembers what a batch says. It passes over batches that it cannot read:
// they make nothing superfluous and stay.
func (j judge) note(b eventlog.Batch) error {
	batch, err := decode(b)
	if err != nil {
		return nil
	}
	for _, e := range batch.Events {
		if key, ok := state.Superseded(e); ok {
			j.last[key] = uint64(e.Position)
		}
	}
	return nil
}

func (j judge) judge(b eventlog.Batch) (left []byte, fate eventlog.Fate) {
	batch, err := decode(b)
	if err != nil || batch.Receipt != nil {
		return nil, eventlog.Keep
	}
	fate = eventlog.Drop
	for _, e := range batch.Events {
		key, ok := state.Superseded(e)
		switch {
		case !ok:
			return nil, eventlog.Keep
		case j.last[key] <= uint64(e.Position):
			fate = eventlog.Later
		}
	}
	if fate == eventlog.Drop {
		left = state.AppendLeft(nil, batch)
	}
	return left, fate
}

func decode(b eventlog.Batch) (state.Batch, error) {
	return state.DecodeBatch(base.Position(b.First), base.TimeOf(b.Time), b.Payload)
}
