package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
)

// fileEvents reports changes in the directories of files. It watches directories because a watch of a file itself ends
// when the file is replaced by rename, or removed and created again.
type fileEvents struct {
	changed <-chan struct{} // carries nothing; several changes may be one signal
	watcher *fsnotify.Watcher
	done    chan struct{} // closed when the forwarder has ended
}

// newFileEvents watches directories. A directory that does not exist is no error: the target of a link may have moved
// already, and follow finds the new target. The caller must call close.
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

// forward ends when the watcher is closed. An error counts as a change: after an overflow of the queue, events are lost.
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

// follow watches the present targets of paths: a symbolic link may have moved, a directory may have been created again. If
// that fails, the Watcher still reads the files at an interval.
func (e *fileEvents) follow(paths []string) {
	for _, directory := range directories(paths) {
		_ = e.watcher.Add(directory)
	}
}

// close returns when its goroutine has ended.
func (e *fileEvents) close() {
	_ = e.watcher.Close()
	<-e.done
}

// directories returns the directories in which a change may change the files: their
// own, and those that their links point to.
func directories(paths []string) (list []string) {
	for _, path := range paths {
		list = append(list, filepath.Dir(path))
		if target, err := filepath.EvalSymlinks(path); err == nil {
			list = append(list, filepath.Dir(target))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
