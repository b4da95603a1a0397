//go:build !unix

package cli_test

import "os/exec"

func inGroup(cmd *exec.Cmd) *exec.Cmd { return cmd }

func killGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }
