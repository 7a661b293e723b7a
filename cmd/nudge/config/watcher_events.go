package config

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// fileEvents reports changes in the directories of a file. It watches the directory, not the file: a file that is saved by
// rename, or removed and made again, is another file, and its watch would be gone.
type fileEvents struct {
	changed <-chan struct{} // carries nothing; several changes may be one signal
	watcher *fsnotify.Watcher
	done    chan struct{} // closed when the forwarder has ended
}

// newFileEvents watches directories. A directory that does not exist is no error: the target of a link may have moved
// already, and follow finds where the link leads now. The caller must call close.
func newFileEvents(directories []string) (*fileEvents, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	for _, directory := range directories {
		if err := watcher.Add(directory); err != nil && !errors.Is(err, fs.ErrNotExist) {
			watcher.Close()
			return nil, err
		}
	}
	changed := make(chan struct{}, 1)
	e := &fileEvents{changed: changed, watcher: watcher, done: make(chan struct{})}
	go e.forward(changed)
	return e, nil
}

// forward ends when the watcher is closed. Errors count as changes: a queue that overflowed has lost some.
func (e *fileEvents) forward(changed chan<- struct{}) {
	defer close(e.done)
	for {
		select {
		case event, open := <-e.watcher.Events:
			if !open {
				return
			}
			if event.Op == fsnotify.Chmod {
				continue
			}
		case _, open := <-e.watcher.Errors:
			if !open {
				return
			}
		}
		select {
		case changed <- struct{}{}:
		default:
		}
	}
}

// follow watches where path leads now: a symbolic link may have moved, a directory may have been made again. If that
// fails, the Watcher's polling is enough.
func (e *fileEvents) follow(path string) {
	for _, directory := range directories(path) {
		_ = e.watcher.Add(directory)
	}
}

// close returns when nothing runs any more.
func (e *fileEvents) close() {
	_ = e.watcher.Close()
	<-e.done
}

// directories are those in which a change may change the file: its own, and
// where its links lead.
func directories(path string) []string {
	list := []string{filepath.Dir(path)}
	if target, err := filepath.EvalSymlinks(path); err == nil && filepath.Dir(target) != list[0] {
		list = append(list, filepath.Dir(target))
	}
	return list
}
