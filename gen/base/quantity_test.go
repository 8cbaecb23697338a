package base_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/picloud/picloud/gen/base"
)

func TestQuantitiesAreWrittenAsPeopleWriteThem(t *testing.T) {
	for _, test := range []struct {
		value  int64
		syntax base.Syntax
		want   string
	}{
		{0, base.ByteSyntax, "0B"}, {5, base.ByteSyntax, "5B"}, {1000, base.ByteSyntax, "1kB"}, {1024, base.ByteSyntax, "1KiB"},
		{1 << 20, base.ByteSyntax, "1MiB"}, {512 << 20, base.ByteSyntax, "512MiB"}, {100e9, base.ByteSyntax, "100GB"},
		{1536 << 20, base.ByteSyntax, "1536MiB"}, {1e15, base.ByteSyntax, "1PB"}, {1<<53 - 1, base.ByteSyntax, "9007199254740991B"},
		{-5, base.ByteSyntax, "-5B"}, {16e6, base.ByteSyntax, "16MB"},
		{500, base.CPUSyntax, "500m"}, {2000, base.CPUSyntax, "2"}, {1500, base.CPUSyntax, "1500m"}, {0, base.CPUSyntax, "0m"},
		{15, base.SecondsSyntax, "15s"}, {300, base.SecondsSyntax, "5m"}, {3600, base.SecondsSyntax, "1h"}, {604800, base.SecondsSyntax, "7d"}, {90, base.SecondsSyntax, "90s"}, {0, base.SecondsSyntax, "0s"},
		{250, base.MillisSyntax, "250ms"}, {2000, base.MillisSyntax, "2s"}, {42, base.PlainSyntax, "42"},
	} {
		if got := base.Quantity(test.value, test.syntax); got != test.want {
			t.Errorf("Quantity(%d, %q) = %q, want %q", test.value, test.syntax, got, test.want)
		}
	}
}

func TestQuantitiesAreReadExactly(t *testing.T) {
	for _, test := range []struct {
		text   string
		syntax base.Syntax
		want   int64
		err    string
	}{
		{"100GB", base.ByteSyntax, 100e9, ""}, {"512MiB", base.ByteSyntax, 512 << 20, ""}, {"1.5GiB", base.ByteSyntax, 1536 << 20, ""}, {"1KB", base.ByteSyntax, 1000, ""},
		{"0.1kB", base.ByteSyntax, 100, ""}, {"500m", base.CPUSyntax, 500, ""}, {"2", base.CPUSyntax, 2000, ""}, {"0.5", base.CPUSyntax, 500, ""},
		{"15s", base.SecondsSyntax, 15, ""}, {"1.5h", base.SecondsSyntax, 5400, ""}, {"250ms", base.MillisSyntax, 250, ""}, {"2s", base.MillisSyntax, 2000, ""}, {"42", base.PlainSyntax, 42, ""},
		{"-9223372036854775808B", base.ByteSyntax, math.MinInt64, ""},
		{"100", base.ByteSyntax, 0, "'100' has no unit; write '100B'"},
		{"100G", base.ByteSyntax, 0, `'100G' has the unknown unit "G"; write '100GB'`},
		{"100gb", base.ByteSyntax, 0, `'100gb' has the unknown unit "gb"; write '100GB'`},
		{"100 GB", base.ByteSyntax, 0, `'100 GB' has the unknown unit " GB"; write '100GB'`},
		{"100xyz", base.ByteSyntax, 0, `'100xyz' has the unknown unit "xyz"; expected bytes such as '512MiB' or '100GB'`},
		{"", base.ByteSyntax, 0, `'' begins with no number; expected bytes such as '512MiB' or '100GB'`},
		{"1.B", base.ByteSyntax, 0, `'1.B' begins with no number; expected bytes such as '512MiB' or '100GB'`},
		{"--1B", base.ByteSyntax, 0, `'--1B' begins with no number; expected bytes such as '512MiB' or '100GB'`},
		{"10000PB", base.ByteSyntax, 0, `'10000PB' is too large; expected bytes such as '512MiB' or '100GB'`},
		{"1.5B", base.ByteSyntax, 0, `'1.5B' is no whole number of bytes; write '1B'`},
		{"0.0005", base.CPUSyntax, 0, `'0.0005' is no whole number of thousandths of a CPU; expected CPUs such as '500m' or '2'`},
		{"250ms", base.SecondsSyntax, 0, `'250ms' has the unknown unit "ms"; expected a time such as '15s', '5m', '1h' or '7d'`},
		{"15", base.SecondsSyntax, 0, `'15' has no unit; write '15s'`},
		{"4x", base.PlainSyntax, 0, `'4x' takes no unit; write '4'`},
	} {
		got, err := base.ParseQuantity(test.text, test.syntax)
		message := ""
		if err != nil {
			message = err.Error()
		}
		if got != test.want || message != test.err {
			t.Errorf("ParseQuantity(%q, %q) = %d, %q; want %d, %q", test.text, test.syntax, got, message, test.want, test.err)
		}
	}
}

func TestQuantitySurvivesWritingAndReading(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		value := random.Int64() >> random.IntN(64)
		if random.IntN(2) == 0 {
			value *= []int64{1, 1000, 1e6, 1024, 1 << 20, 60, 3600}[random.IntN(7)]
		}
		for _, syntax := range []base.Syntax{base.PlainSyntax, base.ByteSyntax, base.CPUSyntax, base.SecondsSyntax, base.MillisSyntax} {
			text := base.Quantity(value, syntax)
			if got, err := base.ParseQuantity(text, syntax); err != nil || got != value {
				t.Fatalf("%d %q was written %q and read %d, %v", value, syntax, text, got, err)
			}
		}
	}
}

func FuzzParseQuantity(f *testing.F) {
	for _, seed := range []string{"100GB", "1.5GiB", "-0.5", "ms", "9999999999999999999PB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, syntax := range []base.Syntax{base.PlainSyntax, base.ByteSyntax, base.CPUSyntax, base.MillisSyntax} {
			if value, err := base.ParseQuantity(text, syntax); err == nil {
				if again, err := base.ParseQuantity(base.Quantity(value, syntax), syntax); err != nil || again != value {
					t.Fatalf("%q: %d, %d, %v", text, value, again, err)
				}
			}
		}
	})
}
