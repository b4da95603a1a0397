package image

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// epoch is the time of every file, so that equal files make equal layers.
var epoch = time.Unix(0, 0).UTC()

// File adds one file of the machine, with its parents, which belong to root.
func File(archive *tar.Writer, from, to string, mode int64) error {
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	defer file.Close()
	information, err := file.Stat()
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: to, Mode: mode, Size: information.Size(), ModTime: epoch}); err != nil {
		return err
	}
	_, err = io.Copy(archive, file)
	return err
}

// Text adds a file with a text.
func Text(archive *tar.Writer, to, text string, mode int64) error {
	if err := archive.WriteHeader(&tar.Header{Name: to, Mode: mode, Size: int64(len(text)), ModTime: epoch}); err != nil {
		return err
	}
	_, err := io.WriteString(archive, text)
	return err
}

// Folder adds a folder with its owner.
func Folder(archive *tar.Writer, to string, mode int64, owner int) error {
	return archive.WriteHeader(&tar.Header{
		Typeflag: tar.TypeDir, Name: strings.TrimSuffix(to, "/") + "/", Mode: mode, Uid: owner, Gid: owner, ModTime: epoch,
	})
}

// Link adds a symbolic link.
func Link(archive *tar.Writer, name, target string) error {
	return archive.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777, ModTime: epoch})
}

// Tree adds all that is below a folder of the machine, at another of the image, owners and modes included. Devices are
// left out, and what begins with one of the names to leave out, which are as below the folder.
func Tree(archive *tar.Writer, root, to string, leaveOut ...string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for _, prefix := range leaveOut {
			if strings.HasPrefix(name, prefix) {
				return nil
			}
		}
		information, err := entry.Info()
		if err != nil {
			return err
		}
		mode := information.Mode()
		if mode&(fs.ModeDevice|fs.ModeSocket|fs.ModeNamedPipe) != 0 {
			return nil
		}
		target := ""
		if mode&fs.ModeSymlink != 0 {
			if target, err = os.Readlink(path); err != nil {
				return err
			}
		}
		header, err := tar.FileInfoHeader(information, target)
		if err != nil {
			return err
		}
		header.Name, header.ModTime, header.Uname, header.Gname = filepath.Join(to, name), epoch, "", ""
		if entry.IsDir() {
			header.Name += "/"
		}
		if owner, ok := information.Sys().(*syscall.Stat_t); ok {
			header.Uid, header.Gid = int(owner.Uid), int(owner.Gid)
		}
		if err := archive.WriteHeader(header); err != nil || !mode.IsRegular() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		if _, err := io.Copy(archive, file); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
}
