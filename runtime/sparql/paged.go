package sparql

// paged keeps places of a fixed number of values in pages, so that growing
// never copies or clears more than one page: what is kept may be hundreds of
// megabytes, and its query must end soon at any moment.
type paged[T any] struct {
	pages [][]T
	width int
	// shift and mask divide the number of a place into page and place in it.
	shift, mask int
	size        int
}

// pageValues is about how many values a page has, and maxPlaces how many places
// at most.
const (
	pageValues = 16 << 10
	maxPlaces  = 4 << 10
)

func newPaged[T any](width int) paged[T] {
	p := paged[T]{width: width}
	for 2<<p.shift <= maxPlaces && width<<(p.shift+1) <= pageValues {
		p.shift++
	}
	p.mask = 1<<p.shift - 1
	return p
}

// at are the values of a place.
func (p *paged[T]) at(i int) []T {
	from := (i & p.mask) * p.width
	return p.pages[i>>(p.shift&63)][from : from+p.width]
}

// extend adds a place of zero values. The first page grows with what is in it,
// so that little takes little.
func (p *paged[T]) extend() []T {
	page := p.size >> p.shift
	if page == len(p.pages) {
		var fresh []T
		if page > 0 {
			fresh = make([]T, 0, p.width<<p.shift)
		}
		p.pages = append(p.pages, fresh)
	}
	from := len(p.pages[page])
	if from+p.width > cap(p.pages[page]) {
		grown := make([]T, from, min(max(2*from, 4*p.width), p.width<<p.shift))
		copy(grown, p.pages[page])
		p.pages[page] = grown
	}
	p.pages[page] = p.pages[page][:from+p.width]
	p.size++
	return p.pages[page][from : from+p.width : from+p.width]
}

// cut drops the places from n on.
func (p *paged[T]) cut(n int) {
	for p.size > n {
		p.size--
		page := p.size >> p.shift
		from := len(p.pages[page]) - p.width
		clear(p.pages[page][from:])
		p.pages[page] = p.pages[page][:from]
		if p.size&p.mask == 0 && page > 0 {
			p.pages = p.pages[:page]
		}
	}
}
