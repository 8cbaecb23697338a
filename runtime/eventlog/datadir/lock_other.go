//go:build !unix

package datadir

import (
	"errors"
	"os"
)

func tryLock(*os.File) error {
	return errors.New("a server needs a Unix system; this program is the client here")
}
