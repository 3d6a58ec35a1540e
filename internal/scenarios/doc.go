// Package scenarios describes what an engine must do, once, and runs it on two:
// on the local engine in every test, on a Flyte cluster by hand.
//
// A [Scenario] is a small workflow and one or more executions of it, with what
// is done to them: inputs, processes that are ended from outside, switches that
// mend a failure before the next execution, recovery, an overwritten cache. What came
// of an execution is a [Record], from which everything is left out that no user
// could rely on: ids, times, texts. The records of the real engine are committed
// under testdata/golden, and the local engine has to reproduce them, but for
// the fields that a scenario excepts, each with its reason.
//
// On a cluster whose pods are this machine's processes:
//
//	go test ./internal/scenarios -run TestReal -timeout 30m        compares with the golden records
//	go test ./internal/scenarios -run TestReal -timeout 30m -update writes them
//
// with the environment of [TestReal]; without it the test says that it was skipped.
package scenarios
