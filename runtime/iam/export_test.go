package iam

// SigningKey is the key of an authority, as releases without membership kept it
// in a file.
func SigningKey(a *Authority) ([]byte, error) { return encodeKey(a.key) }
