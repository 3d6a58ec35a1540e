package columnar

import (
	"fmt"
	"math"
	"strconv"
)

// texts keeps one string for all equal ones.
type texts struct {
	one  map[string]string
	held int // bytes
}

func (t *texts) of(b []byte) (string, error) {
	s, ok := t.one[string(b)]
	if !ok {
		const each = 64 // that a string takes beside its bytes
		if t.held += len(b) + each; t.held > maxGroup {
			return "", fmt.Errorf("there are more than %d bytes of text in a row group", maxGroup)
		}
		s = string(b)
		t.one[s] = s
	}
	return s, nil
}

// integer stores a value; huge is one above the largest int64.
func integer(field any, v int64, huge bool) error {
	switch p := field.(type) {
	case *uint64:
		if *p = uint64(v); huge || v >= 0 {
			return nil
		}
	case *int64:
		if *p = v; !huge {
			return nil
		}
	case *int32:
		if *p = int32(v); !huge && int64(*p) == v {
			return nil
		}
	case *string:
		if *p = strconv.FormatInt(v, 10); !huge {
			return nil
		}
	}
	if huge {
		return fmt.Errorf("%d is out of range", uint64(v))
	}
	return fmt.Errorf("%d is out of range", v)
}

func number(field any, v float64) error {
	switch p := field.(type) {
	case *float64:
		*p = v
	case *string:
		if math.IsNaN(v) {
			return nil // what is missing, to programs that have no null
		}
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return fmt.Errorf("%g is not a whole number", v)
		}
		*p = strconv.FormatInt(int64(v), 10)
	case *float32:
		if *p = float32(v); math.IsInf(float64(*p), 0) && !math.IsInf(v, 0) {
			return fmt.Errorf("%g is too large for single precision", v)
		}
	case **float32:
		x := float32(v)
		if math.IsInf(float64(x), 0) && !math.IsInf(v, 0) {
			return fmt.Errorf("%g is too large for single precision", v)
		}
		*p = &x
	}
	return nil
}

// null leaves out a value.
func null(field any) error {
	switch field.(type) {
	case **float32, *string:
		return nil
	}
	return fmt.Errorf("is null")
}
