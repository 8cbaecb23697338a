package enroll

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/state"
)

// refuse records an attempt that the cluster turned away and gives the error to
// answer with. Who is only told to wait made no attempt; what went wrong on the
// cluster's side is no refusal.
func (s *Server) refuse(ctx context.Context, w *wish, cause error) error {
	var e *base.Error
	if !errors.As(cause, &e) {
		return cause
	}
	switch e.Code {
	case base.Exhausted, base.Stale, base.Unavailable, base.Uncertain, base.Full, base.Internal:
		return cause
	}
	if err := s.attempt(w); err != nil {
		return err
	}
	s.cfg.Logger.Warn("a machine was not let in", "address", w.address, "cause", e.Detail)
	if s.records.take(everybody, time.Now()) > 0 { // the log of the node has it
		return cause
	}
	if err := s.record(ctx, w, e.Detail); err != nil {
		s.cfg.Logger.Warn("the refusal could not be recorded", "address", w.address, "error", err)
	}
	return cause
}

// record keeps one refusal for each address, a bounded number in all: the
// oldest makes room.
func (s *Server) record(ctx context.Context, w *wish, cause string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.State()
	ref := refusalOf(w.address)
	status := domain.EnrollmentRefusalStatus{
		Address: w.address.String(), Cause: line(cause), Attempts: new(int64(1)), LastAt: base.TimeOf(s.cfg.Now()),
	}
	if base.IsName(w.Name) {
		status.Hostname = w.Name
	}
	known, _ := now.Get(ref).(*domain.EnrollmentRefusal)
	if known != nil {
		*status.Attempts += base.OrZero(known.Status.Attempts)
	}
	commands := []domain.Command{&domain.ObserveEnrollmentRefusal{Ref: ref, Status: status}}
	if oldest, count := refusals(now); known == nil && count >= s.cfg.Limits.Refusals {
		commands = append(commands, &domain.EndEnrollmentRefusal{Ref: oldest})
	}
	return s.do(ctx, commands...)
}

// refusals counts what is recorded and finds the oldest.
func refusals(s *state.State) (oldest base.Ref, count int) {
	var least base.Time
	for entry := range s.List("/enrollment-refusals", "") {
		if known, ok := entry.Resource.(*domain.EnrollmentRefusal); ok {
			if count++; oldest == "" || known.Status.LastAt < least {
				oldest, least = known.Ref, known.Status.LastAt
			}
		}
	}
	return oldest, count
}

// refusalOf is the resource that tells of an address: "a-192-168-1-66".
func refusalOf(address netip.Addr) base.Ref {
	return base.Ref("/enrollment-refusals/a-" + strings.NewReplacer(".", "-", ":", "-").Replace(address.StringExpanded()))
}

// lineMax is how long a cause may be that is kept, in bytes.
const lineMax = 256

// line makes one line of a sentence that may repeat what a stranger sent.
func line(text string) string { return clip(shown(text), lineMax) }

// clip cuts a text to a number of bytes, between two letters.
func clip(text string, most int) string {
	for len(text) > most {
		runes := []rune(text)
		text = string(runes[:len(runes)*most/len(text)-1])
	}
	return text
}

// shown is a text of a stranger as a person may see it: without what begins a line,
// moves a terminal's cursor (C0 and C1), or turns the direction of what follows
// (UAX #9), which makes a text look like another.
func shown(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool {
		return r == ' ' || unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
	}), " ")
}

// tidyEvery is how often Run looks for what is over.
const tidyEvery = time.Minute

// Run ends enrolments that nobody decided or came back for, forgets refusals
// that are long past, and keeps the alert of an open door true, until ctx ends.
func (s *Server) Run(ctx context.Context) {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	for {
		if s.cfg.Leading() {
			if err := s.tidy(ctx); err != nil && ctx.Err() == nil {
				s.cfg.Logger.Warn("what is over of enrolments could not be ended; it is tried again", "error", err)
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) tidy(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.State()
	commands := append(over(now, base.TimeOf(s.cfg.Now())), openDoor(now, base.TimeOf(s.cfg.Now()))...)
	if len(commands) == 0 {
		return nil
	}
	return s.do(ctx, commands...)
}

// over ends what is over. It is pure.
func over(s *state.State, now base.Time) (commands []domain.Command) {
	past := func(since base.Time, life time.Duration) bool { return now.Std().Sub(since.Std()) >= life }
	for entry := range s.List("/enrollments", "") {
		known, ok := entry.Resource.(*domain.Enrollment)
		life := pendingLife
		if ok && known.Phase == domain.PhaseApproved {
			life = approvedLife
		}
		if ok && past(known.UpdatedAt, life) {
			commands = append(commands, &domain.EndEnrollment{Ref: known.Ref})
		}
	}
	for entry := range s.List("/enrollment-refusals", "") {
		if known, ok := entry.Resource.(*domain.EnrollmentRefusal); ok && past(known.Status.LastAt, refusalLife) {
			commands = append(commands, &domain.EndEnrollmentRefusal{Ref: known.Ref})
		}
	}
	return commands
}

// openDoorRef is the alert of a cluster that lets any machine in.
const openDoorRef base.Ref = "/alerts/enrollment-open"

// openDoor fires the alert while the mode is auto, and ends it afterwards. It is
// pure.
func openDoor(s *state.State, now base.Time) []domain.Command {
	cluster, _ := s.Get("/").(*domain.Cluster)
	fires := s.Get(openDoorRef) != nil
	switch open := cluster != nil && cluster.Spec.EnrollmentMode == domain.EnrollmentModeAuto; {
	case open && !fires:
		return []domain.Command{&domain.ObserveAlert{Ref: openDoorRef, Status: domain.AlertStatus{
			Resource: "/", Severity: domain.SeverityWarning, Since: now,
			Message: "any machine of the network can join the cluster without being asked; set enrollmentMode to approve unless the network is yours alone",
		}}}
	case fires && !open:
		return []domain.Command{&domain.EndAlert{Ref: openDoorRef}}
	}
	return nil
}
