package discovery

import (
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// Bounds of one packet.
const (
	packetBytes  = 9000 // RFC 6762, section 17
	questionsMax = 16
	recordsMax   = 128
	instancesMax = 8
	addressesMax = 16
	textBytesMax = 1300 // RFC 6763, section 6.2
)

// query is a message that asks.
type query struct {
	id        uint16
	questions []question
}

// heard is what a message says of one node.
type heard struct {
	Found
	port  uint16
	addrs []netip.Addr // as the message names them
	gone  bool         // the node takes itself back
}

var errMalformed = errors.New("not a message of multicast DNS")

// parse reads a message of a stranger: a query, or what it says of nodes.
func parse(packet []byte) (*query, []heard, error) {
	var p dnsmessage.Parser
	header, err := p.Start(packet)
	if err != nil || header.OpCode != 0 || header.RCode != 0 { // RFC 6762, sections 18.3 and 18.11
		return nil, nil, errMalformed
	}
	if header.Response {
		nodes, err := parseNodes(&p)
		return nil, nodes, err
	}
	q := &query{id: header.ID}
	for range questionsMax {
		asked, err := p.Question()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return nil, nil, errMalformed
		}
		q.questions = append(q.questions, question{asked, asked.Name.String()})
	}
	return q, nil, nil
}

// records are those of one message that have to do with nodes.
type records struct {
	services map[string]dnsmessage.SRVResource // by instance
	texts    map[string][]string               // by instance
	gone     map[string]bool                   // by instance
	addrs    map[string][]netip.Addr           // by host
	count    int                               // of addresses
}

func parseNodes(p *dnsmessage.Parser) ([]heard, error) {
	if err := p.SkipAllQuestions(); err != nil {
		return nil, errMalformed
	}
	r := records{map[string]dnsmessage.SRVResource{}, map[string][]string{}, map[string]bool{}, map[string][]netip.Addr{}, 0}
	sections := []section{
		{p.AnswerHeader, p.SkipAnswer}, {p.AuthorityHeader, p.SkipAuthority}, {p.AdditionalHeader, p.SkipAdditional},
	}
	budget := recordsMax
	for _, s := range sections {
		for ; ; budget-- {
			header, err := s.header()
			if errors.Is(err, dnsmessage.ErrSectionDone) {
				break
			}
			if err != nil || budget == 0 {
				return nil, errMalformed
			}
			if err := r.read(p, header, s.skip); err != nil {
				return nil, errMalformed
			}
		}
	}
	return r.nodes(), nil
}

// section is how one of the three sections of records is walked.
type section struct {
	header func() (dnsmessage.ResourceHeader, error)
	skip   func() error
}

// read takes one record in, or passes over it.
func (r *records) read(p *dnsmessage.Parser, header dnsmessage.ResourceHeader, skip func() error) error {
	name := strings.ToLower(header.Name.String())
	ours := strings.HasSuffix(name, "."+service) && (len(r.services) < instancesMax || r.known(name))
	switch {
	case header.Class&^topBit != dnsmessage.ClassINET:
		return skip()
	case header.Type == typeSRV && ours:
		record, err := p.SRVResource()
		r.services[name] = record
		r.gone[name] = header.TTL == 0
		return err
	case header.Type == typeTXT && ours && header.Length <= textBytesMax:
		record, err := p.TXTResource()
		r.texts[name] = record.TXT
		return err
	case header.Type == typeA && r.count < addressesMax:
		record, err := p.AResource()
		r.address(name, netip.AddrFrom4(record.A))
		return err
	case header.Type == typeAAAA && r.count < addressesMax:
		record, err := p.AAAAResource()
		r.address(name, netip.AddrFrom16(record.AAAA))
		return err
	}
	return skip()
}

func (r *records) known(instance string) bool {
	_, known := r.services[instance]
	return known
}

func (r *records) address(host string, addr netip.Addr) {
	r.addrs[host] = append(r.addrs[host], addr)
	r.count++
}

// nodes are those of which the message says all; the others are asked again
// sooner or later.
func (r *records) nodes() (nodes []heard) {
	for instance, service := range r.services {
		found, port, ok := readText(r.texts[instance])
		if !ok || port != service.Port {
			continue
		}
		nodes = append(nodes, heard{Found: found, port: port, addrs: r.addrs[strings.ToLower(service.Target.String())], gone: r.gone[instance]})
	}
	return nodes
}
