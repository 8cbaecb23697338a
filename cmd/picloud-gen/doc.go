// Command picloud-gen turns the ontology into everything below generated/.
//
//	picloud-gen generate          write what changed, remove what is stale
//	picloud-gen generate --check  write nothing; show what would change, exit 1
//	picloud-gen print             show the model with all its names
//
// It finds the repository above the working directory. Exit codes: 0 done or
// nothing to do, 1 the ontology or the output is at fault, 2 usage.
package main
