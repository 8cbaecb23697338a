package eventlog

// Size is how many bytes the log takes on the disk: segments as they are, and
// compressed ones.
func (l *Log) Size() (raw, archived int64) {
	v := l.view.Load()
	for i, seg := range v.segments {
		switch {
		case i == len(v.segments)-1:
			raw += v.end
		case seg.archive != nil:
			archived += seg.stored
		default:
			raw += seg.stored
		}
	}
	return raw, archived
}

// Written is how many bytes the log wrote to its files since it was opened:
// batches, headers, marks and what rewriting segments took.
func (l *Log) Written() int64 { return l.written.Load() }
