package dataset

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// An image is a file with one dataset: a line of JSON that says which, of which
// position of which history; a line with the CRC-32C of that; and the quads in
// the form of rdf.Snapshot.WriteImage, which has checksums of its own.

const imageFormat = 1

// imageSuffix ends the names of images.
const imageSuffix = ".dataset"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// imageHeader is the first line of an image.
type imageHeader struct {
	Format   int           `json:"format"`
	Ref      base.Ref      `json:"ref"`
	Position base.Position `json:"position"` // of the last event that is in it
	Chain    string        `json:"chain"`    // of the log's batch with that event
}

// imagePath is the file of a dataset's image. Names are digests, because an
// address may be longer than a file name.
func (d *Datasets) imagePath(ref base.Ref) string {
	sum := sha256.Sum256([]byte(ref))
	return filepath.Join(d.cfg.Dir, hex.EncodeToString(sum[:16])+imageSuffix)
}

// Checkpoint captures the datasets that have moved since their last image, and
// gives the function that writes them, each whole or not at all, and durably. It
// comes before the checkpoint of the state: an image may be ahead of that, and
// what is behind is read from the log. What still waits to be folded is not
// waited for.
func (d *Datasets) Checkpoint() (save func() error) {
	moved := d.moved()
	return func() error { return d.save(moved) }
}

func (d *Datasets) save(moved map[*set]published) error {
	if d.cfg.Dir == "" || len(moved) == 0 {
		return nil
	}
	d.saving.Lock()
	defer d.saving.Unlock()
	if err := os.MkdirAll(d.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("write images of datasets: %w", err)
	}
	var errs []error
	for s, view := range moved {
		if err := d.writeImage(view); err != nil {
			errs = append(errs, fmt.Errorf("write the image of %s: %w", view.Ref, err))
			continue
		}
		d.mu.Lock()
		s.saved = view.Last
		d.mu.Unlock()
	}
	return errors.Join(append(errs, syncDir(d.cfg.Dir))...)
}

// moved are the views whose image is not on the disk.
func (d *Datasets) moved() map[*set]published {
	d.mu.Lock()
	defer d.mu.Unlock()
	views := map[*set]published{}
	for _, s := range d.sets {
		if s.current != nil && s.current.Last != s.saved && s.current.chain != [32]byte{} {
			views[s] = *s.current
		}
	}
	return views
}

func (d *Datasets) writeImage(view published) (err error) {
	path := d.imagePath(view.Ref)
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	header, err := json.Marshal(imageHeader{imageFormat, view.Ref, view.Last, hex.EncodeToString(view.chain[:])})
	if err != nil {
		return errors.Join(err, file.Close())
	}
	out := bufio.NewWriterSize(file, 1<<20)
	fmt.Fprintf(out, "%s\n%08x\n", header, crc32.Checksum(header, castagnoli))
	if err = errors.Join(view.Graph.WriteImage(out), out.Flush(), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Sweep removes what is no image of a dataset that lives, or that keep names:
// one that a checkpoint just written still knows.
func (d *Datasets) Sweep(keep func(base.Ref) bool) error {
	if d.cfg.Dir == "" {
		return nil
	}
	d.saving.Lock()
	defer d.saving.Unlock()
	files, err := os.ReadDir(d.cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	alive := map[string]bool{}
	for _, ref := range d.Refs() {
		alive[d.imagePath(ref)] = true
	}
	var errs []error
	for _, file := range files {
		path := filepath.Join(d.cfg.Dir, file.Name())
		if alive[path] || !strings.HasSuffix(strings.TrimSuffix(path, ".new"), imageSuffix) {
			continue
		}
		if header, err := readHeader(path); err == nil && keep(header.Ref) {
			continue
		}
		errs = append(errs, os.Remove(path))
	}
	return errors.Join(errs...)
}

func readHeader(path string) (imageHeader, error) {
	file, err := os.Open(path)
	if err != nil {
		return imageHeader{}, err
	}
	header, err := decodeHeader(bufio.NewReader(file))
	return header, errors.Join(err, file.Close())
}

// headerMax bounds the line of a header, in bytes.
const headerMax = 4 << 10

func decodeHeader(r *bufio.Reader) (header imageHeader, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil || len(line) > headerMax {
		return header, errors.New("its header cannot be read")
	}
	line = bytes.Clone(line[:len(line)-1])
	var sum uint32
	if _, err := fmt.Fscanf(r, "%08x\n", &sum); err != nil || sum != crc32.Checksum(line, castagnoli) {
		return header, errors.New("the checksum (CRC-32C) of its header does not match")
	}
	if err := json.Unmarshal(line, &header); err != nil {
		return header, err
	}
	if header.Format != imageFormat {
		return header, errors.New("its format is unknown to this release")
	}
	return header, nil
}

// readImage reads the image of a dataset if it is of this history of the log
// and not of an earlier dataset of that name. Any error means: fold from the
// log instead. It is fs.ErrNotExist when there is none.
func (d *Datasets) readImage(s *set) error {
	file, err := os.Open(d.imagePath(s.ref))
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 64<<10) // many datasets are read at once
	header, err := decodeHeader(in)
	if err != nil {
		return err
	}
	chain, err := d.history(header, s)
	if err != nil {
		return err
	}
	store, err := rdf.ReadImage(in)
	if err != nil {
		return err
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return errors.New("it holds more than one dataset")
	}
	s.store, s.last, s.chain = store, header.Position, chain
	return nil
}

// history asks whether an image is of the log's history.
func (d *Datasets) history(header imageHeader, s *set) (chain [32]byte, err error) {
	if header.Ref != s.ref {
		return chain, fmt.Errorf("it is of %s", header.Ref)
	}
	if header.Position < max(s.born, 1) {
		return chain, fmt.Errorf("it is of an earlier dataset of that name, at position %d", header.Position)
	}
	batch, err := d.cfg.Log.ReadAt(uint64(header.Position))
	if err != nil {
		return chain, err
	}
	if hex.EncodeToString(batch.Digest[:]) != header.Chain {
		return chain, fmt.Errorf("at position %d the log has another history", header.Position)
	}
	return batch.Digest, nil
}
