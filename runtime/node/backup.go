package node

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/picloud/picloud/runtime/backup"
)

// answerBackup writes a backup for the owner of the directory. A voter's directory
// opens all secrets of the cluster anyhow; a token of an administrator does not, so
// the API has no such thing.
func (n *Node) answerBackup(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Passphrase string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, socketBytes)).Decode(&asked); err != nil {
		tell(w, http.StatusBadRequest, refusal{"the passphrase cannot be read"})
		return
	}
	select {
	case <-n.serving:
	default:
		tell(w, http.StatusConflict, refusal{"this node does not serve yet: " + *n.waits.Load()})
		return
	}
	keys, err := n.vault.Backup()
	if err != nil {
		tell(w, http.StatusConflict, refusal{"this node does not hold the keys of the cluster, so its backup would open no secret; make it on a node that votes (picloud node list): " + err.Error()})
		return
	}
	if err := backup.CheckPassphrase(asked.Passphrase); err != nil {
		tell(w, http.StatusUnprocessableEntity, refusal{err.Error()})
		return
	}
	n.hearAll(r.Context())
	w.Header().Set("Content-Type", "application/octet-stream")
	h := backup.Header{Version: n.cfg.Version, Cluster: n.ClusterID(), Domain: n.domain}
	if _, err := backup.Write(r.Context(), w, asked.Passphrase, h, keys, n.log); err != nil {
		n.cfg.Logger.Error("a backup was not finished", "error", err)
		panic(http.ErrAbortHandler) // half of one must not look whole
	}
}

// hearTime is how long a backup waits for what the leader has answered.
const hearTime = 5 * time.Second

// hearAll waits for all that was answered to anybody so far. Without a leader the
// backup holds what this node has, which may be all there is left.
func (n *Node) hearAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, hearTime)
	defer cancel()
	latest, err := n.edge.Load().Latest(ctx)
	if err == nil {
		err = n.log.Wait(ctx, uint64(latest))
	}
	if err != nil {
		n.cfg.Logger.Warn("the backup holds what this node has, which may not be the latest", "error", err)
	}
}

// Backup asks the node of a directory for a backup and writes it to w.
func Backup(ctx context.Context, dir, passphrase string, w io.Writer) error {
	response, err := ask(ctx, dir, http.MethodPost, "/backup", map[string]string{"passphrase": passphrase})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(w, response.Body); err != nil {
		return errors.Join(errors.New("the backup was cut short; the log of the node says why"), err)
	}
	return nil
}
