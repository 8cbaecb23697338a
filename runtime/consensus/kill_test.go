package consensus_test

func runChild() bool { return false }
