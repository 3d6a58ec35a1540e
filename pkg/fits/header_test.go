package fits

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
)

// rawHeader makes a header of cards as they are given.
func rawHeader(cards ...string) []byte {
	var b strings.Builder
	for _, c := range append(cards, "END") {
		b.WriteString(padCard(c))
	}
	for b.Len()%Block != 0 {
		b.WriteByte(' ')
	}
	return []byte(b.String())
}

// wantFault checks kind and code of an error and that it names what it should.
func wantFault(t *testing.T, err error, code string, named ...string) {
	t.Helper()
	if fault.KindOf(err) != fault.BadData || fault.CodeOf(err) != code {
		t.Fatalf("error %v (kind %v, code %q), want code %s", err, fault.KindOf(err), fault.CodeOf(err), code)
	}
	for _, n := range named {
		if !strings.Contains(err.Error(), n) {
			t.Errorf("error %q doesn't name %q", err, n)
		}
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		card string // what follows "KEY     = "
		text string
		err  string
	}{
		{"'hello   '           / greeting", "hello", ""},
		{"  'free format' / c", "free format", ""},
		{"'it''s'", "it's", ""},
		{"''''", "'", ""},
		{"''", "", ""},
		{"'   '", "", ""},
		{"' lead'", " lead", ""},
		{"'a / b' / c", "a / b", ""},
		{"'open", "", "closing quote"},
		{"'open''", "", "closing quote"},
		{"'a' b", "", "no comment"},
		{"                   T / yes", "T", ""},
		{"F", "F", ""},
		{"-12", "-12", ""},
		{"1.5D-3 / x", "1.5D-3", ""},
		{"(1.0, 2.0)", "(1.0, 2.0)", ""},
		{"", "", "no value"},
		{"   / only a comment", "", "no value"},
		{"NaN", "", "neither"},
		{"0x10", "", "neither"},
		{"1 2", "", "neither"},
		{"TRUE", "", "neither"},
	} {
		h, err := ParseHeader(rawHeader("SIMPLE  =                    T", "KEY     = "+c.card))
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.Text("KEY")
		if c.err != "" {
			wantFault(t, err, CodeKeyword, "KEY", c.err)
			continue
		}
		if err != nil || got != c.text {
			t.Errorf("%q: got %q, %v, want %q", c.card, got, err, c.text)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		card string
		want float64
		ok   bool
	}{
		{"1", 1, true}, {"+1.", 1, true}, {".5", 0.5, true}, {"1E3", 1e3, true}, {"1.25D+02", 125, true},
		{"1d-2", 0.01, true}, {"'24.56605'", 24.56605, true}, {"' 7 '", 7, true}, {"-0.0", math.Copysign(0, -1), true},
		{"'NaN'", 0, false}, {"'Inf'", 0, false}, {"'0x1p3'", 0, false}, {"'1_000'", 0, false}, {"'abc'", 0, false},
		{"1e999", 0, false}, {"T", 0, false}, {"''", 0, false}, {"'1E'", 0, false}, {"'.'", 0, false}, {"'--1'", 0, false},
		{"1E-400", 0, true},
	} {
		h, err := ParseHeader(rawHeader("SIMPLE  =                    T", "KEY     = "+c.card))
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.Float("KEY")
		if (err == nil) != c.ok || c.ok && got != c.want {
			t.Errorf("%q: got %v, %v, want %v, %v", c.card, got, err, c.want, c.ok)
		}
		if err != nil {
			wantFault(t, err, CodeKeyword, "KEY")
		}
	}
	h, _ := ParseHeader(rawHeader("A       = 9223372036854775807", "B       = 9223372036854775808", "C       = 1.0", "D       = '1'", "E       = T"))
	if n, err := h.Int("A"); n != math.MaxInt64 || err != nil {
		t.Error(n, err)
	}
	for _, key := range []string{"B", "C", "E", "NONE"} {
		_, err := h.Int(key)
		wantFault(t, err, CodeKeyword, key)
	}
	if n, err := h.Int("D"); n != 1 || err != nil {
		t.Error(n, err)
	}
	if b, err := h.Bool("E"); !b || err != nil {
		t.Error(b, err)
	}
	_, err := h.Bool("A")
	wantFault(t, err, CodeKeyword, "A")
}

func TestContinue(t *testing.T) {
	h, err := ParseHeader(rawHeader(
		"LONG    = 'one &'", "CONTINUE  'two''s &  ' / c", "CONTINUE  'three'", "AFTER   = 3",
		"AMP     = 'R&'", "NEXT    = 1",
		"BAD     = 'x&'", "CONTINUE  none",
		"COMMENT a comment", "CONTINUE  'orphan'",
	))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"LONG": "one two's three", "AFTER": "3", "AMP": "R&", "NEXT": "1"} {
		if got, err := h.Text(key); got != want || err != nil {
			t.Errorf("%s = %q, %v, want %q", key, got, err, want)
		}
	}
	_, err = h.Text("BAD")
	wantFault(t, err, CodeKeyword, "BAD")
	if want := []string{"LONG", "AFTER", "AMP", "NEXT", "BAD"}; !slices.Equal(h.Keys(), want) {
		t.Errorf("keys %v, want %v", h.Keys(), want)
	}
}

func TestGarbledHeaders(t *testing.T) {
	good := "SIMPLE  =                    T"
	_, err := ParseHeader(rawHeader(good, "END     = 1"))
	wantFault(t, err, CodeGarbled, "END")
	for name, raw := range map[string][]byte{"no END": bytes.Repeat([]byte(" "), Block), "empty": nil, "short": []byte("SIMPLE")} {
		if _, err := ParseHeader(raw); err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			wantFault(t, err, CodeNoEnd)
		}
	}
	// What follows the header is left alone, and what is no keyword is none.
	h, err := ParseHeader(append(rawHeader(good, "HIERARCH ESO DET = 3", "COMMENT any = thing", "", "EMPTY   ="), 0xff))
	if err != nil {
		t.Fatal(err)
	}
	if h.Has("EMPTY") || h.Has("HIERARCH") || h.Has("COMMENT") {
		t.Error("Has")
	}
}

// A card that nobody asks for may be as it likes.
func TestCardsNobodyNeeds(t *testing.T) {
	needed := []string{"SIMPLE  =                    T", "CRVAL1  = 57.5 / caf\xe9"}
	for name, card := range map[string]string{
		"blank keyword":    "        = 'not a value'",
		"8-bit comment":    "COMMENT caf\xe9",
		"8-bit value":      "AUTHOR  = 'Andr\xe9'",
		"UTF-8":            "HISTORY über",
		"8-bit keyword":    "CAF\xe9    = 1",
		"NUL":              "KEY     = 'a\x00b'",
		"newline":          "KEY     = 1\n",
		"lower case":       "key     = 1",
		"mixed case":       "DateObs = 'today'",
		"blank in a key":   "CR VAL1 = 1",
		"leading blank":    " KEY    = 1",
		"hyphen":           "DATE-OBX= 'today'",
		"dot":              "A.B     = 1",
		"no blank":         "KEY     =1",
		"early":            "KEY = 1",
		"COMMENT = ":       "COMMENT = 'a comment'",
		"HISTORY = ":       "HISTORY = 'done'",
		"two that differ":  padCard("KEY     = 1") + "KEY     = 2",
		"two COMMENTs":     padCard("COMMENT = 1") + "COMMENT = 2",
		"unclosed":         "KEY     = 'open",
		"something else":   "KEY     = <none>",
		"CONTINUE, lonely": "CONTINUE  'x'",
	} {
		h, err := ParseHeader(rawHeader(append(needed, card)...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if v, err := h.Float("CRVAL1"); v != 57.5 || err != nil || h.Has("CRVAL2") || h.Has("COMMENT") || h.Has("") {
			t.Errorf("%s: CRVAL1 is %v, %v", name, v, err)
		}
		if !bytes.Equal(h.Encode(), rawHeader(append(needed, card)...)) {
			t.Errorf("%s: encoded otherwise", name)
		}
	}
}

// Where a keyword is asked for that readers could take from one card or from
// another, or leave, it is refused; Has says that it is there, so that nobody goes
// on with a default.
func TestContradictions(t *testing.T) {
	for name, c := range map[string]struct {
		cards []string
		says  string // "": the value is 57.5
	}{
		"equal":             {[]string{"KEY     = 57.5", "KEY     = 57.5"}, ""},
		"equal otherwise":   {[]string{"KEY     = 57.5", "KEY     = 5.75E1 / again", "KEY     = '57.5'"}, ""},
		"different":         {[]string{"KEY     = 57.5", "KEY     = 57.9"}, `card 2 says "57.5", card 3 says "57.9"`},
		"the third":         {[]string{"KEY     = 57.5", "KEY     = 57.5", "KEY     = 57.9"}, `card 4 says "57.9"`},
		"none, then one":    {[]string{"KEY     =", "KEY     = 57.5"}, `card 2 says ""`},
		"one, then none":    {[]string{"KEY     = 57.5", "KEY     = / empty"}, `card 3 says ""`},
		"number and text":   {[]string{"KEY     = 57.5", "KEY     = 'a'"}, `card 3 says "a"`},
		"number and T":      {[]string{"KEY     = 57.5", "KEY     = T"}, `card 3 says "T"`},
		"garbled":           {[]string{"KEY     = 57.5", "KEY     = 'open"}, "card 3"},
		"lower case":        {[]string{"key     = 57.5"}, `card 2, "key     = 57.5", is not in the form of FITS`},
		"lower case beside": {[]string{"KEY     = 57.9", "key     = 57.5"}, "is not in the form of FITS"},
		"no blank":          {[]string{"KEY     =57.5"}, "is not in the form of FITS"},
		"early":             {[]string{"KEY = 57.5"}, "is not in the form of FITS"},
		"shifted":           {[]string{" KEY    = 57.5"}, "is not in the form of FITS"},
		"NUL in it":         {[]string{"KEY     = '57\x00.5'"}, "not printable"},
		"8-bit in it":       {[]string{"KEY     = 5\xb7.5"}, "neither string"},
	} {
		h, err := ParseHeader(rawHeader(append([]string{"SIMPLE  =                    T"}, c.cards...)...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !h.Has("KEY") {
			t.Errorf("%s: Has says no", name)
		}
		got, err := h.Float("KEY")
		if c.says != "" {
			if err == nil {
				t.Errorf("%s: read as %v", name, got)
				continue
			}
			wantFault(t, err, CodeKeyword, "KEY", c.says, "ask who made it")
		} else if err != nil || got != 57.5 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	h, err := ParseHeader(rawHeader("A       = 9223372036854775806", "A       = 9223372036854775807"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Int("A")
	wantFault(t, err, CodeKeyword, "A")
	if n, err := h.SetInt("A", 3, "").Int("A"); n != 3 || err != nil {
		t.Errorf("set: %d, %v", n, err)
	}
}

func TestBuilder(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	h := NewImage(-32, 4, 3).SetText("EXTNAME", "3-4.F.SCI", "quadrant").SetText("MAGZEROP", "24.56605", "")
	floats := map[string]float64{"TINY": math.SmallestNonzeroFloat64, "HUGE": -math.MaxFloat64, "ZERO": 0, "ONE": 1, "E20": 1e20, "E21": 1e21}
	for i := range 2000 {
		if f := math.Float64frombits(rng.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
			floats[fmt.Sprintf("F%d", i)] = f
		}
	}
	for k, f := range floats {
		h.SetFloat(k, f, "a float")
	}
	texts := map[string]string{}
	for i := range 300 {
		n := rng.IntN(300)
		b := make([]byte, n)
		for j := range b {
			b[j] = "'&ab /"[rng.IntN(6)]
		}
		key := fmt.Sprintf("T%d", i)
		texts[key] = strings.TrimRight(string(b), " ")
		h.SetText(key, texts[key], "a text")
	}
	h.Comment(strings.Repeat("words ", 30)).History("")
	if h.Err() != nil {
		t.Fatal(h.Err())
	}
	raw := h.Encode()
	if len(raw)%Block != 0 {
		t.Fatal(len(raw))
	}
	back, err := ParseHeader(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(back.Keys(), h.Keys()) || !bytes.Equal(back.Encode(), raw) {
		t.Error("cards changed")
	}
	for k, f := range floats {
		if got, err := back.Float(k); err != nil || math.Float64bits(got) != math.Float64bits(f) {
			t.Errorf("%s = %v, %v, want %v", k, got, err, f)
		}
	}
	for k, s := range texts {
		if got, err := back.Text(k); err != nil || got != s {
			t.Errorf("%s = %q, %v, want %q", k, got, err, s)
		}
	}
	if f, err := back.Float("MAGZEROP"); f != 24.56605 || err != nil {
		t.Error(f, err)
	}
	if c := back.Clone().SetInt("ONE", 2, ""); !bytes.Equal(back.Encode(), raw) || bytes.Equal(c.Encode(), raw) {
		t.Error("a clone shares cards")
	}
}

func TestBuilderRefuses(t *testing.T) {
	for name, h := range map[string]*Header{
		"NaN":          NewPrimary().SetFloat("A", math.NaN(), ""),
		"infinite":     NewPrimary().SetFloat("A", math.Inf(1), ""),
		"umlaut":       NewPrimary().SetText("A", "ü", ""),
		"long key":     NewPrimary().SetInt("ABCDEFGHI", 1, ""),
		"lower case":   NewPrimary().SetInt("abc", 1, ""),
		"END":          NewPrimary().SetInt("END", 1, ""),
		"comment":      NewPrimary().Comment("ü"),
		"format":       NewTable([]Column{{Name: "a", Format: "1Z"}}, 1),
		"many columns": NewTable(slices.Repeat([]Column{{Name: "a", Format: "1B"}}, 1000), 1),
	} {
		if h.Err() == nil {
			t.Errorf("%s: no error", name)
		}
		if err := WriteHDU(&bytes.Buffer{}, h, nil, 0); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(rawHeader("SIMPLE  =                    T", "KEY     = 'a&'", "CONTINUE  'b'", "N       = 1.5D3"))
	f.Add(NewTable([]Column{{Name: "A", Format: "1K"}, {Name: "B", Format: "20A"}}, 3).Encode())
	f.Add(NewImage(-32, 2048, 2066).SetText("L", strings.Repeat("'x&", 60), "").Encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := ParseHeader(raw)
		if err != nil {
			if fault.KindOf(err) != fault.BadData {
				t.Fatal(err)
			}
			return
		}
		for _, key := range h.Keys() {
			h.Text(key)
			h.Int(key)
			h.Bool(key)
			if v, err := h.Float(key); err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
				t.Fatalf("%s = %v", key, v)
			}
		}
		again, err := ParseHeader(h.Encode())
		if err != nil || !slices.Equal(again.Keys(), h.Keys()) {
			t.Fatalf("not the same after encoding: %v", err)
		}
	})
}
