package command

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
)

// checkLevel refuses events that a release in the cluster may not know. It asks
// what they need only where something could be refused, which is while a cluster is
// upgraded.
func (t *trial) checkLevel() error {
	cfg := &t.door.cfg
	if cfg.Gate == nil || cfg.Gate(t.before, cfg.Level) == nil {
		return nil
	}
	for _, e := range t.events {
		if err := cfg.Gate(t.before, t.level(e)); err != nil {
			return err
		}
	}
	return nil
}

// level is that with which an event came, or something that its subject now says.
// What was said before is of a level that the cluster has.
func (t *trial) level(e *domain.Event) int {
	level := domain.Level(e.Payload.Type())
	now := t.state().Get(e.Subject)
	if now == nil {
		return level
	}
	encoder := base.Encoder{Stored: true}
	codec.AppendResource(&encoder, now)
	v, fault := base.ReadJSON(encoder.Buffer, base.Limits{Bytes: len(encoder.Buffer) + 1})
	if fault != nil { // what this program wrote it can read
		return level
	}
	return max(level, t.door.cfg.Model.Level(t.door.cfg.Model.Kind(string(e.Payload.Kind())), v))
}
