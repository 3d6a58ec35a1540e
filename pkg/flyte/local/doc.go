// Package local runs serialized Flyte specs on one machine.
//
// It is an interpreter: it takes the protobuf messages that flytectl registers
// (task templates, workflow templates, launch plans) and does with them what
// FlytePropeller would do with pods, but with processes. Every task is its real
// executable, called with the arguments its template holds, reading inputs.pb
// and writing outputs.pb, futures.pb or error.pb under its own prefix, in a
// directory or in an object store. It knows nothing of how specs are made.
//
// # What is as on the real engine
//
// Bindings, attribute paths and launch plan defaults; argument templates; the
// FLYTE_* environment; the table of exit codes and error files with its two
// retry budgets; map tasks, whose elements read whole lists and find their
// place in the environment, with none for those that failed; dynamic tasks;
// sub-workflows; child executions through launch plans; failure policies;
// the size limit on outputs.pb; the cache, for elements of maps one by one. What a task leaves besides lies where the
// engine would put it:
//
//	<prefix>/<execution>/<node>/data/inputs.pb
//	<prefix>/<execution>/<node>/data/<attempt>/outputs.pb
//	<prefix>/<execution>/<map node>/data/0/<element>/<attempt>/outputs.pb
//	<prefix>/<execution>/<dynamic node>/data/<attempt>/<child>/data/inputs.pb
//	<prefix>/<execution>/<sub-workflow node>/data/<child>/data/inputs.pb
//	<prefix>/<execution>/<node>/raw/<attempt>/      raw output, checkpoints below it
//	<prefix>/_cache/<project>/<domain>/<task>/<version>-<interface>/<key>.json
//
// # What is not
//
// Resource requests are not weighed: at most [Engine.Parallel] processes run at
// once, of them at most [Engine.GPUs] that ask for a GPU. Interruptible has no
// meaning on one's own machine. A time-out counts from the start of
// a process, so that waiting for a place is free. A map element that leaves out
// a declared output fails the map, where the engine would silently shift the
// list. An element that writes futures.pb, which hangs the engine, is refused.
//
// Branch nodes, gate nodes, failure nodes, pods, SQL and the copilot are
// refused by name when a bundle is loaded, as are missing entities, unbound
// inputs and cycles. Types of bindings are the Flyte compiler's business and
// are not checked again.
//
// # The cache
//
// Outputs of a task that is discoverable are kept under its project, domain and
// name, its cache version and interface, and its inputs, without those that it
// names to be ignored and with the hash in the place of each literal that has
// one. A later run takes them from there and starts no process: the event of the
// node or element says so (Cache, and by whom in Message). Failures are not kept.
// cache_serializable holds within one run: of those that want the same, one
// works and the others wait. As on the real engine nobody looks whether a file
// that cached outputs refer to is still there; when a task then fails, its
// failure names the file and who made it. [Engine.Cache] makes a run do all work
// anew, or leave the cache alone.
//
// # Resuming
//
// When a node succeeds, record.json beside its inputs names the attempt and the
// digest of inputs.pb. Executing again with the same execution id takes the
// outputs of every node and map element whose task and inputs are the same, and
// goes on with the next attempt number where they are not recorded; dynamic
// nodes go on with the children they had. No attempt of an earlier run is
// overwritten. Two engines must not run one execution at the same time.
//
// # Processes
//
// A task gets a process group and a scratch directory of its own (TMPDIR,
// removed afterwards), and, as a pod would, only its own environment: PATH,
// HOME, proxy and certificate settings, AWS_* and FLYTE_AWS_*, what its
// container declares, the FLYTE_* identity, and [Engine.Environment], later
// ones winning. The working directory is the engine's, so that relative paths
// mean what they mean to the person who typed them. When the context ends, or
// a sibling's failure ends the workflow, process groups get SIGTERM and, after
// [Engine.GracePeriod], SIGKILL. A process that its task leaves behind dies
// with it; on Linux tasks get SIGTERM also when the engine itself is killed.
package local
