package state

import (
	"github.com/tidwall/btree"

	"github.com/picloud/picloud/gen/base"
)

// Receipts are kept for 24 h of log time, and never more than 200,000.
const (
	ReceiptMillis = 24 * 60 * 60 * 1000
	ReceiptsMax   = 200_000
)

// Receipt is what became of a request that carried an idempotency key.
type Receipt struct {
	Key      [32]byte      // digest of actor and key: neither can be read back
	Request  [32]byte      // digest of the request, to tell another one with the same key
	Status   int           // HTTP status that was answered
	Position base.Position // of the last event that the request led to
	Time     base.Time     // log time of it
}

// receipts are found by key and expire by position: log order is age order.
type receipts struct {
	byKey      *btree.Map[string, Receipt]
	byPosition *btree.Map[base.Position, string]
}

func newReceipts() receipts {
	return receipts{btree.NewMap[string, Receipt](0), btree.NewMap[base.Position, string](0)}
}

func (r receipts) copy() receipts { return receipts{r.byKey.Copy(), r.byPosition.Copy()} }

func (r receipts) get(key [32]byte) (Receipt, bool) { return r.byKey.Get(string(key[:])) }

func (r receipts) add(receipt Receipt) {
	key := string(receipt.Key[:])
	if old, ok := r.byKey.Get(key); ok {
		r.byPosition.Delete(old.Position)
	}
	r.byKey.Set(key, receipt)
	r.byPosition.Set(receipt.Position, key)
}

// expire drops what is too old at a moment of the log, and what is too many.
func (r receipts) expire(now base.Time) {
	for {
		position, key, ok := r.byPosition.Min()
		if !ok {
			return
		}
		oldest, _ := r.byKey.Get(key)
		if r.byPosition.Len() <= ReceiptsMax && oldest.Time > now-ReceiptMillis {
			return
		}
		r.byPosition.Delete(position)
		r.byKey.Delete(key)
	}
}
