package insight

import (
	"math"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
)

// Thresholds: what differs by less is not written. Shares are of the capacity.
const (
	cpuMoves         = 0.05     // of all processors
	memoryMoves      = 0.02     // of the memory
	diskMoves        = 0.01     // of the disk
	temperatureMoves = 2.0      // °C
	rateMoves        = 64 << 10 // bytes a second, and the half of what it was
	logMoves         = 16 << 20 // bytes, and the tenth of what it was
	measuredMoves    = 60 * 60 * 1000
)

// settled is how old figures are when its threshold is enough for a figure to be
// written again; of younger ones a figure has to move further, twice as far after
// half of that time. So what jumps is known at once, and what swings does not
// write for ever.
const settled = 5 * 60 * 1000

// Moved reports whether something is worth an event: a fact that differs at all,
// a figure that differs by its threshold and more if it was written a moment ago,
// or figures of more than an hour ago.
func Moved(before, now *domain.NodeStatus) bool {
	if a, b := before.Metrics, now.Metrics; a != nil && b != nil {
		return movedBy(before, now, max(1, settled/float64(max(1, b.MeasuredAt-a.MeasuredAt))))
	}
	return movedBy(before, now, 1)
}

// joins reports what goes along with a batch that is written for another reason:
// what moved by its threshold, and figures of half an hour ago.
func joins(before, now *domain.NodeStatus) bool {
	a, b := before.Metrics, now.Metrics
	return movedBy(before, now, 1) || a != nil && b != nil && b.MeasuredAt-a.MeasuredAt >= measuredMoves/2
}

// movedBy is Moved by a multiple of the thresholds.
func movedBy(before, now *domain.NodeStatus, times float64) bool {
	switch {
	case before.Hostname != now.Hostname, !slices.Equal(before.Addresses, now.Addresses),
		!base.Same(before.IsLeader, now.IsLeader), before.CertFingerprint != now.CertFingerprint, before.CertExpiresAt != now.CertExpiresAt,
		before.ID != now.ID, before.WrapKey != now.WrapKey, !base.Same(before.Port, now.Port), before.Version != now.Version,
		!base.Same(before.Incarnation, now.Incarnation), before.EnrolledBy != now.EnrolledBy:
		return true
	}
	a, b := before.Capacity, now.Capacity
	if a == nil || b == nil {
		return a != b || metricsMoved(before.Metrics, now.Metrics, &domain.NodeCapacity{}, times)
	}
	return !base.Same(a.CPU, b.CPU) || !base.Same(a.Memory, b.Memory) || beyond(a.Disk, b.Disk, times*share(b.Disk, diskMoves)) ||
		metricsMoved(before.Metrics, now.Metrics, b, times)
}

func metricsMoved(a, b *domain.NodeMetrics, of *domain.NodeCapacity, times float64) bool {
	if a == nil || b == nil {
		return a != b
	}
	since := b.MeasuredAt - a.MeasuredAt
	return since >= measuredMoves || since < 0 || // its clock was set back
		beyond(a.CPUUsed, b.CPUUsed, times*cpuMoves) || beyond(a.Temperature, b.Temperature, times*temperatureMoves) ||
		beyond(a.MemoryUsed, b.MemoryUsed, times*share(of.Memory, memoryMoves)) || beyond(a.DiskUsed, b.DiskUsed, times*share(of.Disk, diskMoves)) ||
		beyond(a.Received, b.Received, times*rate(a.Received)) || beyond(a.Sent, b.Sent, times*rate(a.Sent)) ||
		beyond(a.LogSize, b.LogSize, times*growth(a.LogSize)) || beyond(a.LogWritten, b.LogWritten, times*growth(a.LogWritten))
}

// news reports figures of a node that had none, which wait for no interval: who
// just joined is looked at. How busy it is comes with the second measurement.
func news(before, now *domain.NodeMetrics) bool {
	return now != nil && (before == nil || before.CPUUsed == nil && now.CPUUsed != nil)
}

// beyond reports figures that differ by the threshold, or of which one is absent.
func beyond[T int64 | float64](a, b *T, threshold float64) bool {
	if a == nil || b == nil {
		return a != b
	}
	return math.Abs(float64(*b)-float64(*a)) >= max(threshold, math.SmallestNonzeroFloat64)
}

func share(of *int64, part float64) float64 { return float64(base.OrZero(of)) * part }

func rate(was *int64) float64 { return max(rateMoves, float64(base.OrZero(was))/2) }

func growth(was *int64) float64 { return max(logMoves, float64(base.OrZero(was))/10) }

// merged is what is to be known of a node: what it says of itself, and what only
// the cluster can know.
func merged(node *domain.Node, own *domain.NodeStatus, leads bool) domain.NodeStatus {
	next := node.Status
	if own != nil {
		next = *own
		next.ID, next.WrapKey, next.EnrolledBy = node.Status.ID, node.Status.WrapKey, node.Status.EnrolledBy
	}
	next.IsLeader = &leads
	return next
}
