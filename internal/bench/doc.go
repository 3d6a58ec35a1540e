// Package bench measures what the design promises, on one simulated exposure
// of full-size files behind a real S3 server on loopback, with and without
// 30 ms added to each request:
//
//   - reading all footprints of an exposure, against a plain walk of its DET file;
//   - extracting a tile: bytes read against the bytes of the HDUs that it
//     refers to, time, and the peak memory of a process that does nothing else;
//   - start-up time and size of the task executables.
//
// Run it by `make bench`. Each benchmark checks that its result is right, and
// none fails for being slow. Client, proxy and server share one machine, so
// the times without latency are those of all three.
//
// It holds benchmarks only; nothing imports it.
package bench
