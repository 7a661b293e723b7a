package limits

import (
	"testing"
	"testing/fstest"
)

// The default limit of streams that cost a goroutine comes from the memory of the container, not only from GOMEMLIMIT.
func TestMemoryOf(t *testing.T) {
	const meminfo = "MemTotal:       16384 kB\nMemFree:         100 kB\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing is said":  {nil, unknownMemory},
		"the machine":      {map[string]string{"proc/meminfo": meminfo}, 16 << 20},
		"rubbish":          {map[string]string{"proc/meminfo": "MemTotal: x\nMemTotal:\n", "proc/self/cgroup": "a\n0::/\n"}, unknownMemory},
		"a container":      {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "8388608\n"}, 8 << 20},
		"a group":          {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "4194304\n"}, 4 << 20},
		"a group above":    {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "2097152\n"}, 2 << 20},
		"version 1":        {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "5:cpu:/x\n4:memory:/c\n0::/\n", "sys/fs/cgroup/memory/c/memory.limit_in_bytes": "1048576\n"}, 1 << 20},
		"without a limit":  {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 16 << 20},
		"out of the group": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/memory.max": "1048576"}, 1 << 20},
	} {
		root := fstest.MapFS{}
		for path, text := range test.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memoryOf(root); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
	if n := memoryStreams(); n < 16 || n > 1<<30 {
		t.Errorf("%d streams on this machine", n)
	}
}
