package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroupMount is where one hierarchy of cgroups is mounted.
type cgroupMount struct {
	// Folder is the mount point, Own the process's own cgroup below it.
	Folder, Own string
	// Type is cgroup or cgroup2, Options what the first is mounted with, such as cpu,cpuacct.
	Type, Options string
}

// cgroupMounts lists the hierarchies of the machine: one with cgroups v2, one per controller with v1.
func cgroupMounts() ([]cgroupMount, error) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	paths := map[string]string{} // By name of the controllers, empty for v2.
	for line := range strings.Lines(string(own)) {
		if part := strings.SplitN(strings.TrimSpace(line), ":", 3); len(part) == 3 {
			paths[part[1]] = part[2]
		}
	}
	table, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var mounts []cgroupMount
	for line := range strings.Lines(string(table)) {
		field := strings.Fields(line)
		if len(field) < 4 || field[2] != "cgroup" && field[2] != "cgroup2" {
			continue
		}
		mount := cgroupMount{Folder: field[1], Type: field[2]}
		name := ""
		if mount.Type == "cgroup" {
			options := slices.DeleteFunc(strings.Split(field[3], ","), func(option string) bool {
				switch option {
				case "rw", "ro", "nosuid", "nodev", "noexec", "relatime", "noatime", "xattr", "clone_children":
					return true
				}
				return strings.HasPrefix(option, "release_agent=")
			})
			name = strings.Join(options, ",")
			mount.Options = name
			if strings.HasPrefix(name, "name=") {
				mount.Options = "none," + name
			}
		}
		if path, ok := paths[name]; ok {
			mount.Own = filepath.Join(mount.Folder, path)
			mounts = append(mounts, mount)
		}
	}
	if len(mounts) == 0 {
		return nil, errors.New("no cgroups are mounted")
	}
	return mounts, nil
}

// cgroupName is the name of a sandbox's cgroups.
func cgroupName(dir string) string { return filepath.Base(dir) }

// enterCgroups moves the process into cgroups of the sandbox.
func enterCgroups(dir string) error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		folder, err := mount.make(cgroupName(dir))
		if err != nil {
			return err
		}
		if err := join(folder); err != nil {
			return err
		}
	}
	return nil
}

// makeCgroups makes cgroups beside that of the process, with nothing in them.
func makeCgroups(name string) error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		if _, err := mount.make(name); err != nil {
			return err
		}
	}
	return nil
}

// make makes a cgroup for others in the hierarchy, and returns its folder.
func (m cgroupMount) make(name string) (string, error) {
	parent := m.Own
	if m.Type == "cgroup2" {
		// A cgroup with processes in it can't hand controllers on. The root can.
		parent = m.Folder
	}
	folder := filepath.Join(parent, name)
	if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	// A new cpuset is empty, and takes no process until it is filled.
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		if data, err := os.ReadFile(filepath.Join(parent, file)); err == nil && m.Type == "cgroup" {
			if err := os.WriteFile(filepath.Join(folder, file), data, 0o644); err != nil {
				return "", err
			}
		}
	}
	return folder, nil
}

// leaveCgroups moves the process back, to the parents of the sandbox's cgroups.
func leaveCgroups() error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		if err := join(filepath.Dir(mount.Own)); err != nil {
			return err
		}
	}
	return nil
}

func join(folder string) error {
	return os.WriteFile(filepath.Join(folder, "cgroup.procs"), []byte("0"), 0o644)
}

// removeCgroups removes the cgroups that a sandbox has left. A process that the kernel is still burying keeps its
// cgroup busy for a moment.
func removeCgroups(dir string) error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		for _, parent := range []string{mount.Own, mount.Folder} {
			folder := filepath.Join(parent, cgroupName(dir))
			for try := 0; ; try++ {
				err := removeTree(folder)
				if err == nil || errors.Is(err, fs.ErrNotExist) {
					break
				}
				if try == 100 {
					return err
				}
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
	return nil
}

// removeTree removes folders from the leaves up. The files in a cgroup go with it.
func removeTree(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeTree(filepath.Join(folder, entry.Name())); err != nil {
				return err
			}
		}
	}
	return unix.Rmdir(folder)
}

// mountCgroups mounts /sys anew, and in it the hierarchies, with the sandbox's cgroups for roots.
func mountCgroups() error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	// Not merely covered: runc takes the first that the table of mounts names.
	if err := unix.Unmount("/sys", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmounting /sys: %w", err)
	}
	if err := mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		return err
	}
	unified := slices.ContainsFunc(mounts, func(m cgroupMount) bool { return m.Folder == "/sys/fs/cgroup" })
	if unified {
		if err := mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, ""); err != nil {
			return err
		}
		return delegate("/sys/fs/cgroup")
	}
	if err := mount("cgroups", "/sys/fs/cgroup", "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for _, m := range mounts {
		if m.Type == "cgroup2" {
			// Beside v1 it has no controllers, and would only be taken for the real one.
			continue
		}
		if err := os.MkdirAll(m.Folder, 0o755); err != nil {
			return err
		}
		if err := mount("cgroup", m.Folder, "cgroup", 0, m.Options); err != nil {
			return fmt.Errorf("controllers %s: %w", m.Options, err)
		}
	}
	return nil
}

// delegate hands all controllers of cgroups v2 on to the children, for which the processes have to be in one of them.
func delegate(root string) error {
	inner := filepath.Join(root, "init")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		return err
	}
	if err := join(inner); err != nil {
		return err
	}
	controllers, err := os.ReadFile(filepath.Join(root, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(controllers)) {
		if err := os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+"+controller), 0o644); err != nil {
			return err
		}
	}
	return nil
}
