// Package child starts servers that live as long as the tests that share them.
package child

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
)

// open holds the inputs of those that run: what nobody refers to is closed.
var open struct {
	sync.Mutex
	inputs []io.Closer
}

// Start runs a server that says its address in one line, and that ends when its
// input does, that is with this process, however that ends.
func Start(cmd *exec.Cmd) (address string, err error) {
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Wait() // the line that is missing says more
		return "", fmt.Errorf("%s doesn't say where it is: %w\n%s", cmd.Path, err, said.String())
	}
	open.Lock()
	open.inputs = append(open.inputs, in)
	open.Unlock()
	return strings.TrimSpace(line), nil
}
