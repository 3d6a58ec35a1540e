// Package bench measures what the design promises, on one simulated exposure
// of full-size files behind a real S3 server on loopback, with and without
// 30 ms added to each request:
//
//   - reading all footprints of an exposure, against a plain walk of its DET file;
//   - extracting a tile: bytes read against the bytes of the HDUs that it
//     refers to, time, and the peak memory of a process that does nothing else;
//   - start-up time and size of the task executables;
//   - both of the former against astropy and boto3 doing the same in the plain
//     way, and extraction against `cat` and against s5cmd: BenchmarkIO, which
//     needs a Python with testdata/requirements.txt;
//   - assembly against PyIceberg, and what upkeep and readers make of the tables of
//     a whole survey: BenchmarkCatalog, with testdata/catalog-requirements.txt.
//
// Run it by `make bench`, `make bench-io` and `make bench-catalog`. Each benchmark checks that its result is right, and
// none fails for being slow. Client, proxy and server share one machine, so
// the times without latency are those of all three.
//
// It holds benchmarks only; only its executables, which benchmarks run, import what is below it.
package bench
