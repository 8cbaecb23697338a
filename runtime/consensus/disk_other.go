//go:build !unix

package consensus

import "errors"

func measureDisk(string) (free, total uint64, err error) {
	return 0, 0, errors.New("a server needs a Unix system; this program is the client here")
}
