// Package remote launches workflows on a Flyte cluster and follows them, through
// FlyteAdmin's gRPC API.
//
//	client := &remote.Client{Conn: conn, Project: "shear", Domain: "development"}
//	id, err := client.Launch(ctx, remote.Launch{Plan: "shear_pipeline", Inputs: inputs})
//	err = client.Follow(ctx, id, remote.Follow{Observe: view})
//
// Following polls: FlyteAdmin has no stream of events. What it finds is told as
// pkg/flyte/local's events, so that one view serves both engines. Differences
// that no client can bridge: an event comes when it is seen, not when it
// happened; FlyteAdmin keeps no message for an element of a map, only its phase
// and its log; of a child execution that succeeded between two looks only the
// end is told.
//
// How the server is reached, and State, stand in pkg/flyte/remote/connect, which
// links less. Registration is flytectl's; [Client.Register] serves tests and
// specs made at run time.
package remote
