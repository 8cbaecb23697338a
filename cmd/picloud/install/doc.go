// Package install makes a machine a node that starts with it: the binary, a
// hardened systemd unit, its options and directories; and it judges beforehand
// whether the machine will do.
//
// Invariants:
//   - Every judgement is pass, warn or fail; what is not pass says what helps.
//   - Running it again changes nothing that is as it should be.
//   - A file that somebody changed is kept, and that is said; what should
//     replace it is put beside it.
//   - What it installs it can remove. Data it never removes.
//   - Below another root it touches nothing of the machine that it runs on.
//
// Deliberately absent: package managers, other supervisors than systemd (any
// can run "picloud server"), and changes to the machine's own configuration:
// remedies are said, not applied.
package install
