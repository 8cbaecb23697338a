package reasoning

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

const ub = "http://swat.cse.lehigh.edu/onto/univ-bench.owl#"

// university makes a schema and data like those of the Lehigh benchmark:
// about n triples of departments with staff, students, courses, papers.
func university(n int) (schema, data []base.Quad) {
	iri := func(name string) base.Term { return base.IRI(ub + name) }
	rdfs, of := func(s string) base.Term { return base.IRI(base.RDFS + s) }, func(s string) base.Term { return base.IRI(owl + s) }
	typ := base.IRI(base.RDFType)
	add := func(to *[]base.Quad, s, p, o base.Term) { *to = append(*to, base.Quad{S: s, P: p, O: o}) }
	for _, c := range [][2]string{
		{"Employee", "Person"}, {"Faculty", "Employee"}, {"Professor", "Faculty"}, {"FullProfessor", "Professor"}, {"AssociateProfessor", "Professor"},
		{"AssistantProfessor", "Professor"}, {"Lecturer", "Faculty"}, {"Student", "Person"}, {"GraduateStudent", "Student"}, {"UndergraduateStudent", "Student"},
		{"TeachingAssistant", "Person"}, {"Course", "Work"}, {"GraduateCourse", "Course"}, {"Publication", "Work"}, {"Article", "Publication"},
		{"University", "Organization"}, {"Department", "Organization"}, {"ResearchGroup", "Organization"}, {"Chair", "Professor"},
	} {
		add(&schema, iri(c[0]), rdfs("subClassOf"), iri(c[1]))
	}
	for _, p := range [][2]string{
		{"worksFor", "memberOf"}, {"headOf", "worksFor"}, {"undergraduateDegreeFrom", "degreeFrom"}, {"mastersDegreeFrom", "degreeFrom"}, {"doctoralDegreeFrom", "degreeFrom"},
	} {
		add(&schema, iri(p[0]), rdfs("subPropertyOf"), iri(p[1]))
	}
	for _, p := range [][3]string{
		{"teacherOf", "Faculty", "Course"}, {"takesCourse", "Student", "Course"}, {"advisor", "Person", "Professor"}, {"degreeFrom", "Person", "University"},
		{"publicationAuthor", "Publication", "Person"}, {"subOrganizationOf", "Organization", "Organization"}, {"memberOf", "Person", "Organization"},
	} {
		add(&schema, iri(p[0]), rdfs("domain"), iri(p[1]))
		add(&schema, iri(p[0]), rdfs("range"), iri(p[2]))
	}
	add(&schema, iri("subOrganizationOf"), typ, of("TransitiveProperty"))
	add(&schema, iri("member"), of("inverseOf"), iri("memberOf"))
	add(&schema, iri("hasAlumnus"), of("inverseOf"), iri("degreeFrom"))
	restriction := base.Blank("headOfDepartment")
	add(&schema, restriction, of("onProperty"), iri("headOf"))
	add(&schema, restriction, of("someValuesFrom"), iri("Department"))
	list, rest := base.Blank("l1"), base.Blank("l2")
	add(&schema, iri("Chair"), of("intersectionOf"), list)
	add(&schema, list, base.IRI(base.RDFFirst), iri("Person"))
	add(&schema, list, base.IRI(base.RDFRest), rest)
	add(&schema, rest, base.IRI(base.RDFFirst), restriction)
	add(&schema, rest, base.IRI(base.RDFRest), base.IRI(base.RDFNil))

	random := rand.New(rand.NewPCG(1, 2))
	for u := 0; len(data) < n; u++ {
		university := base.IRI(fmt.Sprintf("http://www.University%d.edu", u))
		add(&data, university, typ, iri("University"))
		for d := 0; d < 15 && len(data) < n; d++ {
			id := func(kind string, i int) base.Term {
				return base.IRI(fmt.Sprintf("http://www.Department%d.University%d.edu/%s%d", d, u, kind, i))
			}
			dept := base.IRI(fmt.Sprintf("http://www.Department%d.University%d.edu", d, u))
			add(&data, dept, typ, iri("Department"))
			add(&data, dept, iri("subOrganizationOf"), university)
			for i := range 10 {
				group := id("ResearchGroup", i)
				add(&data, group, typ, iri("ResearchGroup"))
				add(&data, group, iri("subOrganizationOf"), dept)
			}
			for i := range 35 {
				f := id("Faculty", i)
				add(&data, f, typ, iri([]string{"FullProfessor", "AssociateProfessor", "AssistantProfessor", "Lecturer"}[i%4]))
				add(&data, f, iri("worksFor"), dept)
				if i == 0 {
					add(&data, f, iri("headOf"), dept)
				}
				add(&data, f, iri("name"), base.String(fmt.Sprintf("Faculty%d", i)))
				add(&data, f, iri("emailAddress"), base.String(fmt.Sprintf("Faculty%d@Department%d.University%d.edu", i, d, u)))
				for _, p := range []string{"undergraduateDegreeFrom", "mastersDegreeFrom", "doctoralDegreeFrom"} {
					add(&data, f, iri(p), base.IRI(fmt.Sprintf("http://www.University%d.edu", random.IntN(100))))
				}
				add(&data, f, iri("teacherOf"), id("Course", i))
				add(&data, id("Course", i), typ, iri("Course"))
				for k := range 5 {
					paper := id(fmt.Sprintf("Publication%d-", i), k)
					add(&data, paper, typ, iri("Article"))
					add(&data, paper, iri("publicationAuthor"), f)
				}
			}
			for i := range 400 {
				s := id("Student", i)
				add(&data, s, typ, iri([]string{"UndergraduateStudent", "GraduateStudent"}[i%4/3]))
				add(&data, s, iri("memberOf"), dept)
				add(&data, s, iri("name"), base.String(fmt.Sprintf("Student%d", i)))
				for range 3 {
					add(&data, s, iri("takesCourse"), id("Course", random.IntN(35)))
				}
				if i%4 == 0 {
					add(&data, s, iri("advisor"), id("Faculty", random.IntN(35)))
				}
			}
		}
	}
	return schema, data
}

// TestFigures prints how fast graphs are materialised and kept right.
func TestFigures(t *testing.T) {
	if os.Getenv("PICLOUD_BENCH") == "" {
		t.Skip("measurements run with PICLOUD_BENCH=1")
	}
	for _, n := range []int{100_000, 1_000_000} {
		schema, data := university(n)
		store := rdf.NewStore()
		store.LoadQuads(append(schema, data...))
		for _, profile := range []Profile{RDFS, OWLRL} {
			r := New(Config{Profile: profile, Limits: Limits{Facts: 20_000_000}})
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			if err := r.Load(context.Background(), store.Snapshot()); err != nil {
				t.Fatal(err)
			}
			took := time.Since(start)
			runtime.GC()
			runtime.ReadMemStats(&after)
			s := r.States()[0]
			t.Logf("%d %v: %d given, %d inferred (%d facts, %d derivations) in %v: %.0f given/s, %.0f inferred/s; %d bytes a fact, %d counted",
				n, profile, s.Given, s.Inferred, s.Facts, s.Derivations, took.Round(time.Millisecond),
				float64(s.Given)/took.Seconds(), float64(s.Inferred)/took.Seconds(), (after.HeapAlloc-before.HeapAlloc)/uint64(s.Facts), s.Bytes/s.Facts)
			single(t, r, data)
			all := time.Now()
			found, err := r.Findings(context.Background(), 100)
			t.Logf("   %d findings (%v) in %v", len(found), err, time.Since(all).Round(time.Microsecond))
		}
	}
}

// single deletes and inserts single triples of the data.
func single(t *testing.T, r *Reasoner, data []base.Quad) {
	random := rand.New(rand.NewPCG(3, 4))
	const rounds = 2000
	var del, ins, worst time.Duration
	changes := 0
	for range rounds {
		one := []base.Quad{data[random.IntN(len(data))]}
		start := time.Now()
		a, err := r.Apply(context.Background(), one, nil)
		middle := time.Now()
		b, err2 := r.Apply(context.Background(), nil, one)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		del, ins = del+middle.Sub(start), ins+time.Since(middle)
		worst = max(worst, time.Since(start))
		changes += len(a.Removed) + len(b.Added)
	}
	t.Logf("   one triple: delete %v, insert %v, worst pair %v, %.1f inferred quads changed each",
		del/rounds, ins/rounds, worst, float64(changes)/rounds/2)
}
