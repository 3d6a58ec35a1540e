package shine

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// oomKills counts how often the kernel's OOM killer struck in a control group,
// as memory.events (cgroup v2) and memory.oom_control (v1) have it: a line
// "oom_kill 3". Where nothing is counted it is -1: then a SIGKILL's cause is unknown.
func oomKills(file string) int64 {
	f, err := os.Open(file)
	if err != nil {
		return -1
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok && name == "oom_kill" {
			if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
				return n
			}
		}
	}
	return -1
}

// memoryEvents is the file in which the kernel counts for this process's
// control group. In a container its own group mostly is the root that it sees.
func memoryEvents() string {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	for _, line := range strings.Split(string(groups), "\n") {
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 {
			continue
		}
		var candidates []string
		switch {
		case parts[0] == "0" && parts[1] == "":
			candidates = []string{filepath.Join("/sys/fs/cgroup", parts[2], "memory.events"), "/sys/fs/cgroup/memory.events"}
		case parts[1] == "memory":
			candidates = []string{filepath.Join("/sys/fs/cgroup/memory", parts[2], "memory.oom_control"), "/sys/fs/cgroup/memory/memory.oom_control"}
		}
		for _, c := range candidates {
			if oomKills(c) >= 0 {
				return c
			}
		}
	}
	return ""
}
