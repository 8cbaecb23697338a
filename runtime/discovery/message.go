package discovery

import (
	"net/netip"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	typePTR  = dnsmessage.TypePTR
	typeSRV  = dnsmessage.TypeSRV
	typeTXT  = dnsmessage.TypeTXT
	typeA    = dnsmessage.TypeA
	typeAAAA = dnsmessage.TypeAAAA
	typeANY  = dnsmessage.TypeALL

	topBit = 1 << 15 // of a class: an answer to the asker alone is wanted; or a record replaces all before it

	lifetime       = 120 // seconds that a record holds (RFC 6762, section 10: what names a host)
	legacyLifetime = 10  // at most, for those who do not know multicast DNS (section 6.7)
)

// question is one that was asked.
type question struct {
	dnsmessage.Question
	name string
}

func (q question) is(t dnsmessage.Type) bool { return q.Type == t || q.Type == typeANY }

// unicast says that the asker would like an answer for itself.
func (q question) unicast() bool { return q.Class&topBit != 0 }

// answer is a message to be sent.
type answer struct {
	names   names
	text    []string
	port    uint16
	addrs   []netip.Addr // of the interface that it goes out on
	asked   asked
	seconds uint32 // that its records hold; 0 takes them back
	// legacy, if any, is whom a plain DNS answer goes to: its id and questions
	// are repeated and nothing is said that only multicast DNS knows.
	legacy *query
}

// pack writes the message. It fails for names that are too long only.
func (a answer) pack() ([]byte, error) {
	header := dnsmessage.Header{Response: true, Authoritative: true}
	if a.legacy != nil {
		header.ID = a.legacy.id
		a.seconds = min(a.seconds, legacyLifetime)
	}
	w := writer{Builder: dnsmessage.NewBuilder(nil, header), seconds: a.seconds, plain: a.legacy != nil}
	w.EnableCompression()
	w.note(w.StartQuestions())
	if a.legacy != nil {
		for _, q := range a.legacy.questions {
			w.note(w.Question(q.Question))
		}
	}
	w.note(w.StartAnswers())
	a.answers(&w)
	w.note(w.StartAdditionals())
	a.extras(&w)
	if w.err != nil {
		return nil, w.err
	}
	return w.Finish()
}

func (a answer) answers(w *writer) {
	if a.asked&askedTypes != 0 {
		w.pointer(enumeration, service)
	}
	if a.asked&askedService != 0 {
		w.pointer(service, a.names.instance)
	}
	if a.asked&askedInstance != 0 {
		w.service(a.names.instance, a.names.host, a.port, a.text)
	}
	if a.asked&askedHost != 0 {
		w.addresses(a.names.host, a.addrs, true)
	}
	if a.asked&askedDomain != 0 && a.names.domain != "" {
		w.addresses(a.names.domain, a.addrs, false)
	}
}

// extras are what an asker asks for next (RFC 6763, section 12).
func (a answer) extras(w *writer) {
	if a.asked&askedService != 0 && a.asked&askedInstance == 0 {
		w.service(a.names.instance, a.names.host, a.port, a.text)
	}
	if a.asked&(askedService|askedInstance) != 0 && a.asked&askedHost == 0 {
		w.addresses(a.names.host, a.addrs, true)
	}
}

// writer writes records and keeps the first error.
type writer struct {
	dnsmessage.Builder
	seconds uint32
	plain   bool
	err     error
}

func (w *writer) note(err error) {
	if w.err == nil {
		w.err = err
	}
}

// header is that of a record. One that only this node has replaces what was
// heard of it before; what several nodes have in common does not.
func (w *writer) header(name string, own bool) dnsmessage.ResourceHeader {
	class := dnsmessage.ClassINET
	if own && !w.plain {
		class |= topBit
	}
	return dnsmessage.ResourceHeader{Name: w.name(name), Class: class, TTL: w.seconds}
}

func (w *writer) name(text string) dnsmessage.Name {
	name, err := dnsmessage.NewName(text)
	w.note(err)
	return name
}

func (w *writer) pointer(from, to string) {
	w.note(w.PTRResource(w.header(from, false), dnsmessage.PTRResource{PTR: w.name(to)}))
}

func (w *writer) service(instance, host string, port uint16, text []string) {
	w.note(w.SRVResource(w.header(instance, true), dnsmessage.SRVResource{Port: port, Target: w.name(host)}))
	w.note(w.TXTResource(w.header(instance, true), dnsmessage.TXTResource{TXT: text}))
}

func (w *writer) addresses(host string, addrs []netip.Addr, own bool) {
	for _, addr := range addrs {
		if addr.Is4() {
			w.note(w.AResource(w.header(host, own), dnsmessage.AResource{A: addr.As4()}))
		} else {
			w.note(w.AAAAResource(w.header(host, own), dnsmessage.AAAAResource{AAAA: addr.As16()}))
		}
	}
}

// browse is the question for all nodes.
func browse() ([]byte, error) {
	w := writer{Builder: dnsmessage.NewBuilder(nil, dnsmessage.Header{})}
	w.note(w.StartQuestions())
	w.note(w.Question(dnsmessage.Question{Name: w.name(service), Type: typePTR, Class: dnsmessage.ClassINET}))
	if w.err != nil {
		return nil, w.err
	}
	return w.Finish()
}
