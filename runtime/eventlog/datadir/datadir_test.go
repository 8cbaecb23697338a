package datadir_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/runtime/eventlog/datadir"
)

func TestDirectoryHasOneOwner(t *testing.T) {
	cfg := datadir.Config{Dir: filepath.Join(t.TempDir(), "data"), Version: "v0.1.0"}
	first, err := datadir.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Open(cfg); !errors.Is(err, datadir.ErrInUse) {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := datadir.Open(cfg)
	if err != nil || again.Format() != datadir.Format {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNewerFormatIsRefusedWithItsVersion(t *testing.T) {
	for content, want := range map[string]string{"99\nv7.1.0\n": "v7.1.0", "what\n": "damaged", "": "damaged"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "format"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := datadir.Open(datadir.Config{Dir: dir, Version: "v0.1.0"})
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, datadir.ErrNewer) != (want == "v7.1.0") {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestOlderFormatIsRaisedByItsCaller(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "format"), []byte("1\nv0.1.0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, found := range []int{1, datadir.Format} {
		claim, err := datadir.Open(datadir.Config{Dir: dir, Version: "v0.2.0"})
		if err != nil {
			t.Fatal(err)
		}
		if claim.Format() != found {
			t.Errorf("format %d was found, not %d", claim.Format(), found)
		}
		if err := errors.Join(claim.Raise(), claim.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
