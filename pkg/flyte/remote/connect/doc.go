// Package connect reaches FlyteAdmin over gRPC: endpoint, TLS and authentication
// are read from flytectl's own configuration file, and what goes wrong comes
// back as pkg/fault, with the endpoint and the file that named it.
//
// It is the narrow end of pkg/flyte/remote: an executable that only has to know
// whether an execution is alive links this package and no more.
//
//	conf, err := connect.Load("")
//	conn, err := connect.Open(conf)
//	defer conn.Close()
//	state, err := conn.State(ctx, "shear/development/a1b2c3")
//
// A server that asks for no authentication gets no token; one that does is
// asked, anonymously, how to get one. Tokens are kept in a file that only their
// owner can read, so that the next command needs no browser.
package connect
