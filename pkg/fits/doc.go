// Package fits reads and writes the parts of FITS files that this suite moves
// around: headers, the places of header-data units (HDUs), binary-table rows,
// and big-endian pixels.
//
// It is made for large files that lie far away. [Scan] walks the HDUs of a file
// through an [io.ReaderAt] and reads headers only, one request for each where
// headers are alike; [ReadIndexParallel] guesses where the next headers are and
// asks for many at once. Data stay where they are until somebody reads the
// range that [HDU.DataOffset] and [HDU.DataSize] name. HDUs are numbered from 0,
// the primary one. All offsets and sizes are bytes from the start of the file.
//
// The parser follows the FITS standard 4.0 and is strict where a mistake would
// move or change data: structure keywords, the sizes against the size of the
// file. It is tolerant about cards that nobody asked for: a value that makes no
// sense, or a keyword that stands twice with different values or in a form that
// some readers take for it, is an error when it is read, not before. The last
// block need not be filled, and a few zeros may follow it.
// Everything is bounded before it is allocated: a header by [MaxHeader].
//
// It doesn't interpret pixels (no BSCALE, no tile compression), doesn't read
// ASCII tables' columns, and doesn't read compressed files: it says so.
//
// Failures are bad data (package fault) with one of the codes below, the HDU and
// the keyword where there is one. Errors of the reader itself pass through
// wrapped, so that a transient one stays transient.
package fits

// Codes of the failures that this package reports.
const (
	CodeNotFITS    = "FITSNotFITS"    // the file doesn't start as FITS does
	CodeCompressed = "FITSCompressed" // the whole file is compressed
	CodeTruncated  = "FITSTruncated"  // the file ends before an HDU does
	CodeGarbled    = "FITSGarbled"    // bytes that no header or table may hold
	CodeNoEnd      = "FITSNoEnd"      // a header without its END card in the bytes that there are
	CodeKeyword    = "FITSKeyword"    // a keyword is missing or its value is unusable
	CodeTooLarge   = "FITSTooLarge"   // a header beyond MaxHeader
	CodeChecksum   = "FITSChecksum"   // data or header don't match their checksum
	CodeEncoding   = "FITSEncoding"   // what FITS can't express was to be written
)

// Block is the size of a FITS block: headers and data fill whole blocks.
const Block = 2880

// cardSize is the size of a header card; 36 cards fill a block.
const cardSize = 80

// MaxHeader bounds the size of one header. The largest real ones (tables of 999
// columns with every optional keyword and long histories) stay below 2 MiB.
const MaxHeader = 2912 * Block // 8 MiB

// Pad rounds n up to whole blocks.
func Pad(n int64) int64 { return (n + Block - 1) / Block * Block }
