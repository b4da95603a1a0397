package sandbox

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// kernelSettings are what the kubelet sets for the whole machine unless it finds them set. It finds these files
// in place of the kernel's, so that the machine keeps its own.
var kernelSettings = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// mountAll gives the mount namespace its own /proc, /sys and cgroups, and folders of the sandbox in the places
// that programs write to without asking.
func mountAll(dir string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("mounts of its own: %w", err)
	}
	// Volumes that the kubelet mounts have to arrive in containers.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("shared mounts: %w", err)
	}
	if err := mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	if err := mountCgroups(); err != nil {
		return err
	}
	for _, folder := range []string{"/run", "/var/log"} {
		if err := mount("sandbox", folder, "tmpfs", 0, "mode=755"); err != nil {
			return err
		}
	}
	if err := overlay(dir, "/var/lib"); err != nil {
		return err
	}
	files := map[string]string{
		"/etc/hosts":       "127.0.0.1 localhost\n" + NodeAddress + " " + NodeName + "\n",
		"/etc/resolv.conf": "nameserver " + NodeAddress + "\n",
	}
	for name, value := range kernelSettings {
		files["/proc/sys/"+name] = value + "\n"
	}
	for target, text := range files {
		if _, err := os.Stat(target); err != nil {
			continue // A setting that this kernel lacks.
		}
		file := filepath.Join(dir, "mounts", "files", target)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
		if err := mount(file, target, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

// overlay lets a folder be written to, with what is written kept in dir.
func overlay(dir, folder string) error {
	upper := filepath.Join(dir, "mounts", "upper", folder)
	work := filepath.Join(dir, "mounts", "work", folder)
	for _, made := range []string{upper, work} {
		if err := os.MkdirAll(made, 0o755); err != nil {
			return err
		}
	}
	return mount("overlay", folder, "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", folder, upper, work))
}

func mount(source, target, kind string, flags uintptr, options string) error {
	if err := unix.Mount(source, target, kind, flags, options); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", source, target, err)
	}
	return nil
}
