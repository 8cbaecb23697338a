package insight

import (
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
)

func files(texts map[string]string) fstest.MapFS {
	fs := fstest.MapFS{}
	for name, text := range texts {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

func meter(root fstest.MapFS, now *time.Time) *Meter {
	return &Meter{Root: root, Now: func() time.Time { return *now }, Disk: func() (int64, int64, bool) { return 1000, 250, true }}
}

func TestSharesAndRatesAreOverTheTimeBetweenMeasurements(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	root := files(map[string]string{
		"proc/stat":                               "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3 4\n",
		"proc/meminfo":                            "MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable:   600 kB\n",
		"proc/net/dev":                            "Inter-|\n face |\n    lo: 9 0 0 0 0 0 0 0 9 0\n  eth0: 1000 1 0 0 0 0 0 0 500 1 0\n veth1: 77777 1 0 0 0 0 0 0 7777 1 0\n",
		"sys/class/net/eth0/device/uevent":        "",
		"sys/class/thermal/thermal_zone0/temp":    "31000\n",
		"sys/class/thermal/thermal_zone0/type":    "acpitz\n",
		"sys/class/thermal/thermal_zone1/temp":    "48500\n",
		"sys/class/thermal/thermal_zone1/type":    "x86_pkg_temp\n",
		"sys/class/thermal/thermal_zone2/temp":    "-274000\n",
		"sys/class/thermal/thermal_zone2/type":    "broken\n",
		"sys/class/thermal/cooling_device0/type":  "fan\n",
		"sys/class/thermal/cooling_device0/state": "0\n",
	})
	m := meter(root, &now)
	var capacity domain.NodeCapacity
	first := m.Measure(&capacity)
	if first.CPUUsed != nil || first.Received != nil {
		t.Errorf("the first measurement has shares: %+v", first)
	}
	if *first.MemoryUsed != 400<<10 || *capacity.Memory != 1000<<10 || *first.DiskUsed != 250 || *capacity.Disk != 1000 {
		t.Errorf("%+v of %+v", first, capacity)
	}
	if *first.Temperature != 48.5 {
		t.Errorf("the processor has %v °C", *first.Temperature)
	}
	now = now.Add(10 * time.Second)
	root["proc/stat"].Data = []byte("cpu  150 0 150 1200 200 0 0 0 0 0\n")
	root["proc/net/dev"].Data = []byte("eth0: 21000 1 0 0 0 0 0 0 10500 1 0\nveth1: 99999 1 0 0 0 0 0 0 9999 1 0\n")
	second := m.Measure(&capacity)
	if *second.CPUUsed != 0.143 || *second.Received != 2000 || *second.Sent != 1000 {
		t.Errorf("CPU %v, received %v, sent %v", *second.CPUUsed, *second.Received, *second.Sent)
	}
	if second.MeasuredAt != base.TimeOf(now) {
		t.Errorf("measured at %s", second.MeasuredAt)
	}
}

func TestWhatCannotBeMeasuredIsAbsent(t *testing.T) {
	now := time.Now()
	for name, root := range map[string]fstest.MapFS{
		"an empty system": files(nil),
		"nonsense": files(map[string]string{
			"proc/stat": "cpu x y z a b\n", "proc/meminfo": "MemTotal: 10 kB\nMemAvailable: 20 kB\n", "proc/net/dev": "eth0: many\n",
			"sys/class/thermal/thermal_zone0/temp": "hot",
		}),
	} {
		m := meter(root, &now)
		m.Disk = func() (int64, int64, bool) { return 0, 0, false }
		for range 2 {
			now = now.Add(time.Second)
			var capacity domain.NodeCapacity
			got := m.Measure(&capacity)
			if want := (domain.NodeMetrics{MeasuredAt: got.MeasuredAt}); !got.Equal(want) || !capacity.Equal(domain.NodeCapacity{}) {
				t.Errorf("%s: %+v of %+v", name, got, capacity)
			}
		}
	}
}

func TestCountersThatBeginAnewGiveNoRate(t *testing.T) {
	now := time.Now()
	root := files(map[string]string{"proc/net/dev": "eth0: 1000 1 0 0 0 0 0 0 500 1 0\n", "proc/stat": "cpu 100 0 100 700 100\n"})
	m := meter(root, &now)
	m.Measure(&domain.NodeCapacity{})
	now = now.Add(time.Second)
	root["proc/net/dev"].Data, root["proc/stat"].Data = []byte("eth0: 10 1 0 0 0 0 0 0 5 1 0\n"), []byte("cpu 1 0 1 7 1\n")
	if got := m.Measure(&domain.NodeCapacity{}); got.Received != nil || got.Sent != nil || got.CPUUsed != nil {
		t.Errorf("%+v", got)
	}
}

func TestSharesAndRatesAreOverAMinute(t *testing.T) {
	now := time.Now()
	root := files(map[string]string{"proc/net/dev": "eth0: 0 1 0 0 0 0 0 0 0 1 0\n", "proc/stat": "cpu 0 0 0 0 0\n"})
	m := meter(root, &now)
	var got *domain.NodeMetrics
	for i := range 40 { // every other quarter of a minute all is busy
		n, busy := 15*i, 15*((i+1)/2)
		root["proc/net/dev"].Data = fmt.Appendf(nil, "eth0: %d 1 0 0 0 0 0 0 %d 1 0\n", 1000*busy, 4000*busy)
		root["proc/stat"].Data = fmt.Appendf(nil, "cpu %d 0 0 %d 0\n", 100*busy, 100*(n-busy))
		if got = m.Measure(&domain.NodeCapacity{}); i >= 4 && (*got.CPUUsed != 0.5 || *got.Received != 500 || *got.Sent != 2000) {
			t.Fatalf("after %d s: CPU %v, received %v, sent %v", n, *got.CPUUsed, *got.Received, *got.Sent)
		}
		now = now.Add(15 * time.Second)
	}
	now = now.Add(-time.Hour)
	if got = m.Measure(&domain.NodeCapacity{}); got.CPUUsed != nil || got.Sent != nil {
		t.Errorf("after the clock was set back: %+v", got)
	}
}

func TestOnlyWhatMovedBeyondItsThresholdIsWritten(t *testing.T) {
	at := base.TimeOf(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	status := func(change func(*domain.NodeStatus)) *domain.NodeStatus {
		s := &domain.NodeStatus{
			Hostname: "pi-1", Addresses: []string{"192.168.1.21"}, IsLeader: new(true), Port: new(int64(443)), Version: "1.0.0",
			Capacity: &domain.NodeCapacity{CPU: new(int64(4000)), Memory: new(int64(8 << 30)), Disk: new(int64(100 << 30))},
			Metrics: &domain.NodeMetrics{
				CPUUsed: new(0.10), MemoryUsed: new(int64(2 << 30)), DiskUsed: new(int64(30 << 30)), Temperature: new(48.0), Received: new(int64(10_000)),
				Sent: new(int64(1 << 20)), LogSize: new(int64(64 << 20)), LogWritten: new(int64(1 << 20)), Position: new(int64(100)), MeasuredAt: at,
			},
		}
		if change != nil {
			change(s)
		}
		return s
	}
	for _, c := range []struct {
		name   string
		change func(*domain.NodeStatus)
		moved  bool
	}{
		{"nothing", nil, false},
		{"the position and the time", func(s *domain.NodeStatus) { s.Metrics.Position, s.Metrics.MeasuredAt = new(int64(9999)), at+59*60*1000 }, false},
		{"an hour", func(s *domain.NodeStatus) { s.Metrics.MeasuredAt = at + 60*60*1000 }, true},
		{"a clock that was set back", func(s *domain.NodeStatus) { s.Metrics.MeasuredAt = at - 1 }, true},
		{"a little CPU", func(s *domain.NodeStatus) { s.Metrics.CPUUsed = new(0.14) }, false},
		{"much CPU", func(s *domain.NodeStatus) { s.Metrics.CPUUsed = new(0.16) }, true},
		{"a little memory", func(s *domain.NodeStatus) { s.Metrics.MemoryUsed = new(int64(2<<30 + 100<<20)) }, false},
		{"much memory", func(s *domain.NodeStatus) { s.Metrics.MemoryUsed = new(int64(2<<30 + 200<<20)) }, true},
		{"a little disk", func(s *domain.NodeStatus) { s.Metrics.DiskUsed = new(int64(30<<30 + 500<<20)) }, false},
		{"much disk", func(s *domain.NodeStatus) { s.Metrics.DiskUsed = new(int64(32 << 30)) }, true},
		{"a little warmer", func(s *domain.NodeStatus) { s.Metrics.Temperature = new(49.5) }, false},
		{"much warmer", func(s *domain.NodeStatus) { s.Metrics.Temperature = new(50.0) }, true},
		{"a breeze on the network", func(s *domain.NodeStatus) { s.Metrics.Received = new(int64(50_000)) }, false},
		{"a storm on the network", func(s *domain.NodeStatus) { s.Metrics.Received = new(int64(100_000)) }, true},
		{"a third more of much", func(s *domain.NodeStatus) { s.Metrics.Sent = new(int64(1400 << 10)) }, false},
		{"a figure that is gone", func(s *domain.NodeStatus) { s.Metrics.Temperature = nil }, true},
		{"the log grew a little", func(s *domain.NodeStatus) { s.Metrics.LogSize = new(int64(72 << 20)) }, false},
		{"the log grew", func(s *domain.NodeStatus) { s.Metrics.LogSize = new(int64(80 << 20)) }, true},
		{"another address", func(s *domain.NodeStatus) { s.Addresses = []string{"192.168.1.22"} }, true},
		{"another release", func(s *domain.NodeStatus) { s.Version = "1.0.1" }, true},
		{"another leader", func(s *domain.NodeStatus) { s.IsLeader = new(false) }, true},
		{"more memory to have", func(s *domain.NodeStatus) { s.Capacity.Memory = new(int64(16 << 30)) }, true},
		{"no figures", func(s *domain.NodeStatus) { s.Metrics = nil }, true},
		{"what others decide", func(s *domain.NodeStatus) { s.Condition, s.Cordoned = domain.ConditionDegraded, new(true) }, false},
	} {
		if got := Moved(status(nil), status(func(s *domain.NodeStatus) {
			if s.Metrics.MeasuredAt = at + settled; c.change != nil {
				c.change(s)
			}
		})); got != c.moved {
			t.Errorf("%s: moved %t", c.name, got)
		}
	}
	for _, c := range []struct {
		after base.Time
		cpu   float64
		moved bool
	}{{0, 0.9, false}, {30_000, 0.55, false}, {30_000, 0.65, true}, {60_000, 0.33, false}, {60_000, 0.37, true}, {10 * settled, 0.14, false}} {
		if got := Moved(status(nil), status(func(s *domain.NodeStatus) { s.Metrics.MeasuredAt, s.Metrics.CPUUsed = at+c.after, new(c.cpu) })); got != c.moved {
			t.Errorf("from 10 %% to %v within %d ms: moved %t", c.cpu, c.after, got)
		}
	}
	if Moved(&domain.NodeStatus{}, &domain.NodeStatus{}) || !Moved(&domain.NodeStatus{}, status(nil)) {
		t.Error("what is absent")
	}
}

func TestReportsOfOthersAreBounded(t *testing.T) {
	good := domain.NodeStatus{
		Hostname: "pi-1", Addresses: []string{"192.168.1.21", "fd00::1"}, Port: new(int64(443)), Version: "1.0.0",
		Capacity: &domain.NodeCapacity{CPU: new(int64(4000))}, Metrics: &domain.NodeMetrics{CPUUsed: new(0.5), MeasuredAt: 1},
	}
	if got, err := decode(encode(good)); err != nil || Moved(&good, &got) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, change := range map[string]func(*domain.NodeStatus){
		"a long hostname":  func(s *domain.NodeStatus) { s.Hostname = string(make([]byte, 300)) },
		"control letters":  func(s *domain.NodeStatus) { s.Version = "1.0\x1b[2J" },
		"no address":       func(s *domain.NodeStatus) { s.Addresses = []string{"pi-1.lan"} },
		"no port":          func(s *domain.NodeStatus) { s.Port = new(int64(70000)) },
		"many addresses":   func(s *domain.NodeStatus) { s.Addresses = make([]string, 17) },
		"a long statement": func(s *domain.NodeStatus) { s.CertFingerprint = string(make([]byte, 1<<16)) },
	} {
		bad := good
		change(&bad)
		if _, err := decode(encode(bad)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for _, text := range []string{"", "{", "null", `{"kind":"volume"}`, `[]`, `{"kind":"node","name":"x","status":{"port":"x"}}`} {
		if status, err := decode([]byte(text)); err == nil && status.Port != nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestThisMachineIsMeasured(t *testing.T) {
	size, used, ok := DiskOf(t.TempDir())()
	if ok && (size <= 0 || used < 0 || used > size) {
		t.Errorf("%d of %d bytes", used, size)
	}
}
