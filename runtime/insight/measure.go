package insight

import (
	"bytes"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
)

// over is the time that shares and rates are means of, as in a load average: the
// half-minute in which a machine does something is no news.
const over = time.Minute

// Meter measures the machine. What it cannot find out is absent. It remembers the
// measurements of the last minute, because shares and rates are over that time, or
// as much of it as was measured.
type Meter struct {
	// Root is the file system that the kernel shows itself in: "proc/stat".
	Root fs.FS
	// Disk tells the size of the disk that the node keeps its data on, and what of
	// it is used; ok is false where the system does not say.
	Disk func() (size, used int64, ok bool)
	Now  func() time.Time

	mu   sync.Mutex
	past []sample // ascending; only the first may be older than a minute
}

// sample is counters at a moment.
type sample struct {
	at             time.Time
	busy, total    uint64 // ticks of all processors
	received, sent uint64 // bytes
	cpu, net       bool   // whether they are known
}

// Measure gives what the machine has and what of it is in use.
func (m *Meter) Measure(c *domain.NodeCapacity) *domain.NodeMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := sample{at: m.Now()}
	now.busy, now.total, now.cpu = m.processors()
	now.received, now.sent, now.net = m.network()
	metrics := &domain.NodeMetrics{MeasuredAt: base.TimeOf(now.at), Temperature: m.temperature()}
	if total, used, ok := m.memory(); ok {
		c.Memory, metrics.MemoryUsed = &total, &used
	}
	if size, used, ok := m.Disk(); ok {
		c.Disk, metrics.DiskUsed = &size, &used
	}
	if since, seconds := m.since(now); seconds > 0 {
		if ticks := now.total - since.total; since.cpu && now.cpu && now.total > since.total {
			metrics.CPUUsed = new(math.Round(min(1, float64(now.busy-since.busy)/float64(ticks))*1000) / 1000)
		}
		if since.net && now.net {
			metrics.Received = new(int64(float64(now.received-since.received) / seconds))
			metrics.Sent = new(int64(float64(now.sent-since.sent) / seconds))
		}
	}
	m.past = append(m.past, now)
	return metrics
}

// since is the measurement that shares and rates of now are counted from, and how
// many seconds ago it was; 0 if there is none. Counters that begin anew and a
// clock that was set back leave none.
func (m *Meter) since(now sample) (from sample, seconds float64) {
	if n := len(m.past); n > 0 && !m.past[n-1].before(now) {
		m.past = nil
	}
	for len(m.past) > 1 && now.at.Sub(m.past[1].at) >= over {
		m.past = m.past[1:]
	}
	if len(m.past) == 0 {
		return sample{}, 0
	}
	return m.past[0], now.at.Sub(m.past[0].at).Seconds()
}

// before reports whether counters can have come from one measurement to another.
func (s sample) before(t sample) bool {
	return t.at.After(s.at) && t.busy >= s.busy && t.total >= s.total && t.received >= s.received && t.sent >= s.sent
}

// read is a small file of the kernel, nil if it has none.
func (m *Meter) read(name string) []byte {
	data, err := fs.ReadFile(m.Root, name)
	if err != nil {
		return nil
	}
	return data
}

// processors are the ticks of all processors since the start (proc(5), stat): user,
// nice, system, idle, iowait, irq, softirq, steal. Time of guests is in user.
func (m *Meter) processors() (busy, total uint64, ok bool) {
	line, _, _ := bytes.Cut(m.read("proc/stat"), []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) < 5 || fields[0] != "cpu" {
		return 0, 0, false
	}
	for i, f := range fields[1:min(len(fields), 9)] {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return 0, 0, false
		}
		total += n
		if i != 3 && i != 4 {
			busy += n
		}
	}
	return busy, total, true
}

// memory is in bytes. What could be freed at once does not count as used.
func (m *Meter) memory() (total, used int64, ok bool) {
	figures := map[string]int64{}
	for line := range strings.Lines(string(m.read("proc/meminfo"))) {
		if f := strings.Fields(line); len(f) >= 2 {
			if n, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				figures[f[0]] = n << 10
			}
		}
	}
	total, available := figures["MemTotal:"], figures["MemAvailable:"]
	return total, total - available, total > 0 && available > 0 && available <= total
}

// zones are the sorts of thermal zones that are the processor's, best first; any
// other is better than none.
var zones = []string{"x86_pkg_temp", "cpu-thermal", "cpu_thermal", "soc-thermal", "soc_thermal", "coretemp", "k10temp"}

// temperature of the processor in °C, nil where no zone tells.
func (m *Meter) temperature() *float64 {
	found, best := math.NaN(), len(zones)+1
	names, _ := fs.Glob(m.Root, "sys/class/thermal/thermal_zone*/temp")
	for _, name := range names {
		milli, err := strconv.ParseInt(strings.TrimSpace(string(m.read(name))), 10, 64)
		if err != nil || milli < -100_000 || milli > 200_000 {
			continue
		}
		sort := strings.TrimSpace(string(m.read(path.Dir(name) + "/type")))
		rank := slices.Index(zones, sort)
		if rank < 0 {
			rank = len(zones)
		}
		if rank < best {
			found, best = float64(milli)/1000, rank
		}
	}
	if math.IsNaN(found) {
		return nil
	}
	return &found
}

// network is what all interfaces that are devices carried, in bytes; of a machine
// without one, such as a container, all but the loopback.
func (m *Meter) network() (received, sent uint64, ok bool) {
	type counters struct{ received, sent uint64 }
	var devices, others counters
	found := false
	for line := range strings.Lines(string(m.read("proc/net/dev"))) {
		name, figures, isRow := strings.Cut(strings.TrimSpace(line), ":")
		f := strings.Fields(figures)
		if !isRow || name == "lo" || len(f) < 9 {
			continue
		}
		in, err1 := strconv.ParseUint(f[0], 10, 64)
		out, err2 := strconv.ParseUint(f[8], 10, 64)
		if err1 != nil || err2 != nil {
			continue
		}
		into := &others
		if _, err := fs.Stat(m.Root, "sys/class/net/"+name+"/device"); err == nil {
			into, found = &devices, true
		}
		into.received, into.sent, ok = into.received+in, into.sent+out, true
	}
	if found {
		return devices.received, devices.sent, ok
	}
	return others.received, others.sent, ok
}
