package write

// File is one file of output, in memory.
type File struct {
	Path    string // below the repository, with slashes: "generated/domain/volume.go"
	Content []byte // of Go without header and unformatted, else as it will be
	// Source is the file of the ontology that it comes from, for the header
	// of Go files ("ontology/storage.ttl"); "" = the whole ontology.
	Source string
}
