package shine_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/survey"
)

// standIn is the variable that makes the test binary a stand-in for SHINE, and
// says how that behaves.
const standIn = "CONSTELLATION_TEST_SHINE"

// Last words of commands that died, as they were seen.
var lastWords = map[string]string{
	"gpu memory":          "Traceback (most recent call last):\njaxlib._jax.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes.\n--------",
	"cuda memory":         "E0000 cuda_executor.cc:1062] failed to allocate 19.53GiB (20971520000 bytes) from device: CUDA_ERROR_OUT_OF_MEMORY: out of memory",
	"python memory":       "MemoryError: Unable to allocate 9.31 GiB for an array with shape (50000, 50000) and data type float32",
	"import":              "/usr/bin/python: Error while finding module specification for 'shine.euclid.run' (ModuleNotFoundError: No module named 'shine.euclid')",
	"import of a name":    "ImportError: cannot import name 'ExposureSet' from 'shine.euclid'",
	"nan":                 "FloatingPointError: invalid value (nan) encountered in jit(update)",
	"nan loss":            "RuntimeError: NaN loss at step 12",
	"no place to begin":   "RuntimeError: Cannot find valid initial parameters. Please check your model again.",
	"an error of its own": "ZeroDivisionError: division by zero",
}

// command keeps SHINE's contract, or breaks it in one way.
func command(how string) int {
	args := map[string]string{}
	for i := 1; i+1 < len(os.Args); i += 2 {
		args[os.Args[i]] = os.Args[i+1]
	}
	f, err := os.Open(args["--manifest"])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 66
	}
	m, err := manifest.Read(f)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 65
	}
	config, err := os.ReadFile(args["--config"])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 64
	}
	fmt.Printf("config has %d bytes\n", len(config))
	fmt.Fprint(os.Stderr, strings.Repeat("x", 10000), "\n10%\r20%\runfinished")
	out := args["--output"]
	row := func(id int64) results.Source {
		return results.Source{TileID: m.TileID, Row: int32(m.Row), Col: int32(m.Col), ObjectID: id, RA: 1, Dec: 2}
	}
	shear := results.Shear{TileID: m.TileID, Row: int32(m.Row), Col: int32(m.Col), RA: m.Centre[0], Dec: m.Centre[1], G1: new(float32(0.5)), G2: new(float32(0)), NSources: int32(len(m.Core)), Method: "map", Status: "ok"}
	var sources []results.Source
	for _, id := range m.Core {
		sources = append(sources, row(id))
	}
	if code, ok := strings.CutPrefix(how, "exit "); ok {
		fmt.Println("\nsomething went wrong")
		n, _ := strconv.Atoi(code)
		return n
	}
	if name, ok := strings.CutPrefix(how, "signal "); ok {
		n, _ := strconv.Atoi(name)
		die(syscall.Signal(n))
	}
	if words, ok := lastWords[how]; ok {
		fmt.Fprintln(os.Stderr, "\n"+words)
		return 1
	}
	switch how {
	case "aborted for memory": // as XLA does where it can't raise
		fmt.Fprintln(os.Stderr, "\nF0000 Check failed: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes.")
		die(syscall.SIGABRT)
	case "shot by the kernel":
		os.WriteFile("memory.events", []byte("low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n"), 0o644)
		die(syscall.SIGKILL)
	case "nothing":
		return 0
	case "no sources":
		shear = results.Shear{TileID: m.TileID, Row: int32(m.Row), Col: int32(m.Col), RA: m.Centre[0], Dec: m.Centre[1], Status: survey.StatusNoSources}
		sources = nil
		os.WriteFile(filepath.Join(out, survey.SummaryFile), []byte(`{"status": "no_sources", "reason": "none is bright enough"}`), 0o644)
	case "foreign source":
		sources = append(sources, row(5))
	case "source of the margin":
		sources = append(sources, row(m.Sources[len(m.Sources)-1]))
	case "source twice":
		sources = append(sources, sources[0])
	case "another sub-tile":
		shear.Col++
	case "another tile's sources":
		sources[1].TileID++
	case "nan shear":
		shear.G1 = new(float32(math.NaN()))
	case "infinite flux":
		sources[2].Flux = new(float32(math.Inf(1)))
	case "floods":
		line := strings.Repeat("spam ", 40) + "\n"
		block := strings.Repeat(line, 1000)
		for range flood / len(block) {
			io.WriteString(os.Stdout, block)
		}
		fmt.Println("the last line")
	case "one endless line":
		block := strings.Repeat("spam", 250_000)
		for range flood / len(block) {
			io.WriteString(os.Stdout, block)
		}
	case "environment":
		for _, e := range os.Environ() {
			fmt.Println("env", e)
		}
		f, err := os.CreateTemp("", "scratch-")
		fmt.Println("temporary", f.Name(), err)
	case "checkpoints":
		dir := os.Getenv("CONSTELLATION_CHECKPOINT_DIR")
		state, err := os.ReadFile(filepath.Join(dir, "state", "step"))
		if err != nil {
			os.MkdirAll(filepath.Join(dir, "state"), 0o755)
			os.WriteFile(filepath.Join(dir, "state", "step"), []byte("41"), 0o644)
			stop := make(chan os.Signal, 1)
			signal.Notify(stop, syscall.SIGTERM)
			os.WriteFile("started", nil, 0o644)
			<-stop
			os.WriteFile(filepath.Join(dir, "state", "step"), []byte("42"), 0o644)
			return 143
		}
		fmt.Printf("\ngoing on from step %s\n", state)
	case "signs":
		os.WriteFile(filepath.Join(out, survey.SummaryFile), []byte(`{"config_id": "c1", "loss": 1.50, "engine": "its own"}`), 0o644)
	case "says more":
		os.WriteFile(filepath.Join(out, survey.SummaryFile), []byte(`{"loss": 1.50, "versions": {"jax": "<1>"}}`), 0o644)
	case "signs for another":
		os.WriteFile(filepath.Join(out, survey.SummaryFile), []byte(`{"config_id": "c2"}`), 0o644)
	case "nan in its summary":
		os.WriteFile(filepath.Join(out, survey.SummaryFile), []byte(`{"config_id": "c1", "r_hat": NaN, "n": [1, -Infinity]}`), 0o644)
	case "nan in its summary, unsigned":
		os.WriteFile(filepath.Join(out, survey.SummaryFile), []byte(`{"engine": "shine", "r_hat": NaN}`), 0o644)
	case "garbled summary":
		os.WriteFile(filepath.Join(out, survey.SummaryFile), []byte("{\"loss\":\n nan}"), 0o644)
	case "on the CPU":
		fmt.Fprintln(os.Stderr, "\nWARNING:jax._src.xla_bridge:850: An NVIDIA GPU may be present on this machine, but a CUDA-enabled jaxlib is not installed. Falling back to cpu.")
		time.Sleep(24 * time.Hour)
	case "a curve":
		text, _ := os.ReadFile("curve")
		os.MkdirAll(filepath.Join(out, "diagnostics"), 0o755)
		os.WriteFile(filepath.Join(out, "diagnostics", "convergence.json"), text, 0o644)
	case "diagnostics":
		writeDiagnostics(filepath.Join(out, "diagnostics"))
	case "hangs":
		time.Sleep(24 * time.Hour)
	case "stubborn", "polite", "leaves a child":
		// A grandchild in the same group tells by its heartbeat file whether it lives.
		beat := exec.Command("sh", "-c", "trap '' TERM; while :; do date > beat; sleep 0.05; done")
		beat.Start()
		if how == "leaves a child" {
			break
		}
		if how == "stubborn" {
			signal.Ignore(syscall.SIGTERM)
		}
		os.WriteFile("started", nil, 0o644)
		time.Sleep(24 * time.Hour)
	}
	var a, b bytes.Buffer
	switch how {
	case "columns of another table":
		err = results.WriteSources(&a, sources)
	case "words for numbers":
		err = writeWords(&a)
	case "two rows":
		err = results.WriteShear(&a, []results.Shear{shear, shear})
	default:
		err = results.WriteShear(&a, []results.Shear{shear})
	}
	if err == nil {
		err = results.WriteSources(&b, sources)
	}
	if err != nil {
		panic(err)
	}
	if how == "half a file" {
		b.Truncate(b.Len() / 2)
	}
	for name, data := range map[string][]byte{survey.ShearFile: a.Bytes(), survey.SourcesFile: b.Bytes()} {
		if err := os.WriteFile(filepath.Join(out, name), data, 0o644); err != nil {
			panic(err)
		}
	}
	if how == "dies at the end" {
		die(syscall.SIGKILL)
	}
	return 0
}

// flood is how many bytes are printed by commands that print too much.
const flood = 512 << 20

// die ends this process by a signal. It becomes a shell first: Go's runtime
// turns some signals into an exit code.
func die(s syscall.Signal) {
	panic(syscall.Exec("/bin/sh", []string{"sh", "-c", "kill -" + strconv.Itoa(int(s)) + " $$"}, nil))
}

// writeDiagnostics leaves one of everything: what can be shown, and what can't.
func writeDiagnostics(dir string) {
	os.MkdirAll(dir, 0o755)
	var small, wide bytes.Buffer
	png.Encode(&small, image.NewGray(image.Rect(0, 0, 30, 10)))
	png.Encode(&wide, image.NewGray(image.Rect(0, 0, 5000, 1)))
	for name, data := range map[string][]byte{
		"convergence.json": []byte(`{"label": "loss", "steps": [1, 2, 3], "values": [9.5, 4, 3.5]}`),
		"panels.json":      []byte(`[{"file": "b.png", "caption": "the brightest"}, {"file": "../../secret.png"}, {"file": "gone.png"}, {"file": "heavy.png"}]`),
		"a.png":            small.Bytes(), "b.png": small.Bytes(), "wide.png": wide.Bytes(), "heavy.png": append(small.Bytes(), make([]byte, 1<<20)...), "text.png": []byte("no picture"),
	} {
		os.WriteFile(filepath.Join(dir, name), data, 0o644)
	}
	os.Symlink("/etc/passwd", filepath.Join(dir, "link.png"))
}

// writeWords writes a shear.parquet whose columns are all strings.
func writeWords(w io.Writer) error {
	var fields schema.FieldList
	for _, c := range results.ShearColumns() {
		fields = append(fields, schema.NewByteArrayNode(c.Name, parquet.Repetitions.Required, -1))
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return err
	}
	out, err := file.NewParquetWriterWithError(w, root)
	if err != nil {
		return err
	}
	group, err := out.AppendRowGroupChecked()
	if err != nil {
		return err
	}
	for range fields {
		c, err := group.NextColumn()
		if err == nil {
			_, err = c.(*file.ByteArrayColumnChunkWriter).WriteBatch([]parquet.ByteArray{parquet.ByteArray("seven")}, nil, nil)
		}
		if err == nil {
			err = c.Close()
		}
		if err != nil {
			return err
		}
	}
	if err := group.Close(); err != nil {
		return err
	}
	return out.Close()
}
