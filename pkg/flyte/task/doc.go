// Package task declares stages and runs them as Flyte container tasks.
//
// A stage is declared once, in a package that has no implementation:
//
//	var CountWords = task.Define[CountIn, CountOut](task.Declaration{
//		Name: "count_words", Doc: "Counts the words of a text file.",
//		Resources: task.Resources{CPU: "1", Memory: "256Mi"}, Retries: 2,
//	})
//
// and bound to its code in an executable of the same name, with dashes:
//
//	func main() { task.Main(stages.CountWords, run) }
//
//	func run(ctx context.Context, in stages.CountIn) (stages.CountOut, error)
//
// The declaration gives the typed interface and the task template (package
// spec wires them into workflows); [Main] owns everything between Flyte and
// run: arguments, inputs, outputs, errors, signals, panics, logs, the deck,
// and the element of a map. Inside run, [From] gives the store, a prefix for
// files, the identity of the attempt and the deck.
//
// # What the engine makes of an ending
//
// The engine reads error.pb only when the process exits with 0, counts every
// other exit as a system failure and checks neither the presence nor the type
// of outputs. So:
//
//	run returned        outputs.pb, written last and whole; exit 0
//	run failed          error.pb; exit 0 (by hand, where no execution is in the environment: 1)
//	error.pb can't be written                              exit 1
//	SIGTERM             neither; exit 137, the one code that costs a system retry and not one of the task's own
//	SIGINT (by hand)    neither; exit 130
//	wrong arguments     error.pb where the output prefix is known, else a message; exit 2, in an execution 0 with error.pb
//	told to stop, and not stopping                         exit 137 after 20 s, without what it was at
//
// error.pb is made of the failure's kind (package fault): bad input and bad
// data are final, what is transient or unclassified uses the task's retries, a
// panic is a system error with its stack, and final.
//
// # How large outputs may be
//
// The engine keeps the outputs of a node in one file and refuses one above a limit, 2 MB by
// default, 10 MB in the Helm chart; a map's is the list of what its elements gave.
// Of 10,000 elements an integer each makes 80 KB, a blob 1.0 MB, an optional
// blob with a SHA-256 as its hash 1.9 MB (URIs of 90 characters). So an
// element gives numbers and a blob or two, its results go into the blob's file, and a map
// that may grow further runs over batches. Inputs have no limit here: lists
// that the engine offloaded are read too.
//
// # Attempts
//
// A stage that can go on from where another attempt was stopped keeps its state
// in its [Checkpoint].
package task
