package shine

import (
	"regexp"
	"slices"
	"strings"
)

// kindOf is the exit code that a command would have given for what it said
// last, had it looked: Python exits with 1 after any exception, and XLA aborts.
// What ended it decides, be it the last exception or, without one, the last
// line that is more than a warning; 1 where nothing is known.
func kindOf(lines []string, signaled bool) int {
	if name, text, ok := lastException(lines); ok {
		return kindOfException(name, text)
	}
	for _, line := range slices.Backward(lines) {
		if warns.MatchString(line) || strings.TrimSpace(line) == "" || strings.HasPrefix(line, " ") {
			continue
		}
		if code := kindOfText(line); code != 1 {
			return code
		}
		if !signaled { // after an abort come lists of threads
			break
		}
	}
	return 1
}

var (
	// warns matches what is logged below an error: XLA's and absl's letters, Python's and loguru's words.
	warns = regexp.MustCompile(`^(?:[WID]\d{4} |[WID] [\w./]|\[?(?:WARNING|WARN|INFO|DEBUG)\b|\S*\d\d:\d\d:\d\d\S*[ |\]\-:]+(?:[WID]\b|\[?(?:WARNING|WARN|INFO|DEBUG)\b)|\d{4}-\d\d-\d\d[T ]\S+[ |\]\-:]+\[?(?:W|I|WARNING|WARN|INFO|DEBUG)\b|.*: \w*Warning: |\w*Warning: )`)
	// raised matches the line of a traceback that names the exception.
	raised = regexp.MustCompile(`^((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?:: ?(.*))?$`)
	// plainly is an exception's name without a traceback above it.
	plainly = regexp.MustCompile(`(?:Error|Exception|Interrupt|SystemExit)$`)
	// aside begins a traceback of something that ended nothing.
	aside = regexp.MustCompile(`^(?:Exception ignored (?:in|on)|Error in atexit|Error in sys\.excepthook|Exception in thread|--- Logging error ---|Call stack:)`)
)

// lastException finds the exception that ended a Python program, and its
// message, which may be of several lines. Those that were handled on the way,
// or that the interpreter ignored, stand in tracebacks too.
func lastException(lines []string) (name, text string, ok bool) {
	ignored, traced := false, false
	for i, line := range lines {
		if aside.MatchString(line) {
			ignored = true
			continue
		}
		if strings.HasPrefix(line, "Traceback (most recent call last)") || strings.HasPrefix(line, `  File "`) {
			traced = true
			continue
		}
		m := raised.FindStringSubmatch(line)
		if m == nil || warns.MatchString(line) || !traced && !plainly.MatchString(m[1]) {
			continue
		}
		skip := ignored || strings.HasSuffix(m[1], "SimplifiedTraceback") // JAX's note on the one before
		if ignored, traced = false, false; !skip {
			name, text, ok = m[1], message(m[2], lines[i+1:]), true
		}
	}
	return name, text, ok
}

// message is an exception's with the lines that belong to it.
func message(first string, rest []string) string {
	all := []string{first}
	for _, line := range rest {
		if warns.MatchString(line) || aside.MatchString(line) || strings.HasPrefix(line, "Traceback (") ||
			strings.Contains(line, "exception was the direct cause") || strings.HasPrefix(line, "During handling of") {
			break
		}
		all = append(all, line)
	}
	return strings.Join(all, "\n")
}

// kindOfException goes by an exception's type first, then by what it says.
func kindOfException(name, text string) int {
	short := name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case strings.HasSuffix(short, "MemoryError") || short == "OutOfMemoryError":
		return exitMemory
	case short == "ImportError" || short == "ModuleNotFoundError":
		return exitImport
	case short == "FloatingPointError":
		return exitDiverged
	case short == "KeyError" || short == "AssertionError" || short == "NameError" || short == "AttributeError" || short == "TypeError":
		return 1 // what it says is a piece of somebody's code or data
	}
	return kindOfText(text)
}

func kindOfText(text string) int {
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(s string) bool { return strings.Contains(text, s) })
	}
	switch {
	case has("No space left on device", "Disk quota exceeded", "database or disk is full"):
		return exitOutput
	case has("Shared memory size limit exceeded"): // one kernel's, whatever memory there is
		return 1
	case has("RESOURCE_EXHAUSTED", "CUDA_ERROR_OUT_OF_MEMORY", "CUDA out of memory", "Out of memory while trying to allocate", "Cannot allocate memory", "std::bad_alloc"):
		return exitMemory
	case has("No module named", "error while loading shared libraries"):
		return exitImport
	case has("loss is nan", "NaN loss", "nan loss", "Cannot find valid initial parameters"):
		return exitDiverged
	}
	return 1
}
