//go:build !linux

package consensus_test

import "errors"

func mountTmpfs(string) error { return errors.New("tmpfs is Linux's") }
