package bounds

import (
	"encoding/json"
	"fmt"
	"reflect"
)

const (
	// maxElements is what the lists and the objects of a JSON text may have
	// whatever its length, each together, and perElement the bytes that each
	// further one has on average; of a survey's record, which is far longer than
	// that, they may have as few as perFurther.
	maxElements, perElement, perFurther = 200_000, 20, 6
	long                                = 10 << 20
	// maxHeld is what the lists of a small text may take in memory, and perByte
	// what those of a larger one may for each of its bytes.
	maxHeld, perByte = 64 << 20, 12
	// grown is what a list takes while it grows, as a multiple of what it is.
	grown = 3
	// maxJSON is how deep JSON is nested at most.
	maxJSON = 1000
	// generic is the size of an element of no certain type.
	generic = 16
)

// Unmarshal decodes a JSON text once it was looked at: an element of a list is as
// large as its Go type, however little of it stands there.
func Unmarshal(text []byte, into any) error {
	if err := look(text, largest(reflect.TypeOf(into), map[reflect.Type]bool{})); err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// JSON looks at a text that is to be decoded into nothing of a certain type.
func JSON(text []byte) error { return look(text, generic) }

// JSONOf looks at a text that something else decodes, into elements of at most a size.
func JSONOf(text []byte, size int) error { return look(text, size) }

// look counts what a text has of lists, whose elements have at most a size, and of objects.
func look(text []byte, size int) error {
	members, elements, quoted, line := 0, 0, false, 1
	mostMembers := maxElements + min(len(text), long)/perElement + max(len(text)-long, 0)/perFurther
	most := min(mostMembers, (maxHeld+perByte*len(text))/(grown*size))
	var within [maxJSON + 1]bool // lists, by depth
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n':
			line++
		case c == '[' || c == '{':
			if depth++; depth > maxJSON {
				return &Error{line, fmt.Sprintf("it is nested deeper than %d times", maxJSON)}
			}
			within[depth] = c == '['
			fallthrough // with its first element
		case c == ',':
			if within[depth] {
				elements++
			} else {
				members++
			}
			if elements > most || members > mostMembers {
				return &Error{line, fmt.Sprintf("it has more than %d elements in %d bytes", max(elements, members)-1, len(text))}
			}
		case c == ']' || c == '}':
			depth = max(depth-1, 0)
		}
	}
	return nil
}

// largest is the size of the largest element of all lists in a type, or more.
func largest(t reflect.Type, seen map[reflect.Type]bool) int {
	if t == nil || seen[t] {
		return generic
	}
	seen[t] = true
	size := generic
	switch t.Kind() {
	case reflect.Slice, reflect.Map:
		size = max(size, int(t.Elem().Size()), largest(t.Elem(), seen))
	case reflect.Pointer:
		size = max(size, largest(t.Elem(), seen))
		if t.Elem().Kind() != reflect.Pointer {
			size = max(size, int(t.Elem().Size()))
		}
	case reflect.Array:
		size = max(size, largest(t.Elem(), seen))
	case reflect.Struct:
		for i := range t.NumField() {
			size = max(size, largest(t.Field(i).Type, seen))
		}
	}
	return size
}
