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
