package http

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Format is one way of writing an answer.
type Format struct {
	Name  string // for ?format= and the ETag: "ttl"
	Media string // "text/turtle"
}

// title is what people call the format.
func (f Format) title() string {
	switch f {
	case JSON:
		return "JSON"
	case Turtle:
		return "Turtle"
	case JSONLD:
		return "JSON-LD"
	case NTriples:
		return "N-Triples"
	}
	return f.Name
}

// The formats of a resource, in the order of preference of a client that does
// not speak RDF.
var (
	JSON     = Format{"json", "application/json"}
	Turtle   = Format{"ttl", "text/turtle"}
	JSONLD   = Format{"jsonld", "application/ld+json"}
	NTriples = Format{"nt", "application/n-triples"}
	HTML     = Format{"html", "text/html"}
)

// resourceFormats serves clients that name no RDF type, rdfFormats those that
// name one.
var (
	resourceFormats = []Format{JSON, Turtle, JSONLD, NTriples, HTML}
	rdfFormats      = []Format{Turtle, JSONLD, NTriples, JSON, HTML}
)

// rdfTypes are the media types whose mention tells a client of RDF, whether or
// not they are served.
var rdfTypes = []string{
	"text/turtle", "application/ld+json", "application/n-triples", "application/n-quads",
	"application/trig", "application/rdf+xml", "text/n3",
}

// mediaRange is one element of an Accept header (RFC 9110, section 12.5.1).
type mediaRange struct {
	media string // "text/turtle", "text/*" or "*/*"
	q     float64
}

// parseAccept reads an Accept header. Elements that cannot be read are left
// out: a header is advice, and the rest of it may still be good.
func parseAccept(headers []string) []mediaRange {
	var ranges []mediaRange
	for element := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		if len(ranges) == 64 { // more is no advice any longer
			break
		}
		media, parameters, err := mime.ParseMediaType(element)
		if err != nil || !strings.Contains(media, "/") {
			continue
		}
		q := 1.0
		if text, ok := parameters["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil || !(q >= 0 && q <= 1) {
				continue
			}
		}
		ranges = append(ranges, mediaRange{media, q})
	}
	return ranges
}

// quality is what the most specific range that matches gives a media type.
func quality(ranges []mediaRange, media string) float64 {
	major, _, _ := strings.Cut(media, "/")
	best, specific := 0.0, 0
	for _, r := range ranges {
		n := 0
		switch r.media {
		case media:
			n = 3
		case major + "/*":
			n = 2
		case "*/*":
			n = 1
		}
		if n > specific || n == specific && n > 0 && r.q > best {
			best, specific = r.q, n
		}
	}
	return best
}

// choose picks the offer that a client likes best, the earlier one among
// equals. Without a header the first offer is chosen; ok is false when none
// will do.
func choose(accept []string, offers []Format) (f Format, ok bool) {
	ranges := parseAccept(accept)
	if len(ranges) == 0 {
		return offers[0], true
	}
	best := 0.0
	for _, offer := range offers {
		if q := quality(ranges, offer.Media); q > best {
			f, best, ok = offer, q, true
		}
	}
	return f, ok
}

// usualNames are what clients of SPARQL call formats in ?format=.
var usualNames = map[string]Format{"turtle": Turtle, "ntriples": NTriples, "n-triples": NTriples, "json-ld": JSONLD}

// usual translates such a name into ours; a graph in "json" is JSON-LD.
func usual(name string, offers []Format) string {
	if f, ok := usualNames[name]; ok {
		return f.Name
	}
	if name == JSON.Name && slices.Contains(offers, JSONLD) {
		return JSONLD.Name
	}
	return name
}

// preferred is the offer that ?format= names, else the one that Accept likes best.
func preferred(r *http.Request, offers []Format) (Format, bool) {
	if name := r.URL.Query().Get("format"); name != "" {
		return formatNamed(usual(name, offers), offers)
	}
	return choose(r.Header["Accept"], offers)
}

// chooseResource picks the format of a resource: the order of the offers
// follows from whether the client speaks of RDF at all.
func chooseResource(accept []string) (Format, bool) {
	for _, r := range parseAccept(accept) {
		if slices.Contains(rdfTypes, r.media) {
			return choose(accept, rdfFormats)
		}
	}
	return choose(accept, resourceFormats)
}

// formatNamed finds an offer by the value of ?format=.
func formatNamed(name string, offers []Format) (Format, bool) {
	for _, offer := range offers {
		if offer.Name == name {
			return offer, true
		}
	}
	return Format{}, false
}

// formatNames lists what ?format= may be, each name once.
func formatNames(offers []Format) string {
	var names []string
	for _, offer := range offers {
		if !slices.Contains(names, offer.Name) {
			names = append(names, offer.Name)
		}
	}
	return strings.Join(names, ", ")
}

func mediaTypes(offers []Format) string {
	var names []string
	for _, offer := range offers {
		names = append(names, offer.Media)
	}
	return strings.Join(names, ", ")
}
