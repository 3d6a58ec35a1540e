// Package spec wires declared tasks into Flyte workflows and writes the protos
// that the engine takes.
//
//	w := spec.New[In, Out]("count", "Counts the words of all files.")
//	list := spec.Add(w, stages.ListFiles)
//	count := spec.Map(w, stages.CountWords, spec.Concurrency(20), spec.MinSuccess(0))
//	sum := spec.Add(w, stages.Sum)
//	spec.Connect(w, &list.In.Prefix, &w.In.Prefix)
//	spec.Each(w, &count.In.File, &list.Out.Files)
//	spec.GatherSome(w, &sum.In.Counts, &count.Out.Words)
//	spec.Connect(w, &w.Out.Total, &sum.Out.Total)
//	bundle, err := w.Build(spec.Options{Image: "registry/count:1"})
//
// Workflows and nodes hold values of their In and Out structs; an edge joins
// the addresses of two fields, so the Go compiler checks its type. What it
// can't see (an input nobody feeds, a cycle, a blob's format, a map's output
// that is taken for one value) is collected and reported by Build, all at once,
// with the line that wired it.
//
// Project, domain and version stay empty in every id: registration fills them.
package spec
