package faulty

import "math/rand/v2"

// Random is where all chance comes from: a seed repeats it.
type Random = rand.Rand
