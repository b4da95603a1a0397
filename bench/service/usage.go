package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"
)

// memory is what a process and its children occupied, in bytes; 0 where the system has no /proc.
type memory struct {
	// Resident is the most that a look every 100 ms saw (VmRSS).
	Resident int64 `json:"resident"`
	// Peak is the most that the kernel saw since the process began (VmHWM).
	Peak int64 `json:"peak"`
}

// watch looks at a process until it has seen enough.
func watch(pid int, enough <-chan struct{}) memory {
	var most memory
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		now := memoryOf(pid)
		most.Resident = max(most.Resident, now.Resident)
		most.Peak = max(most.Peak, now.Peak)
		select {
		case <-tick.C:
		case <-enough:
			return most
		}
	}
}

// A virtual machine shares its processors with others, which it can't see but for the time that
// its host gave to them. Rates taken meanwhile say nothing, so such a load is repeated.
const (
	mostStolen  = 0.02 // share of the time of all processors
	mostRepeats = 8
)

// times are what all processors together have spent since the machine began, in ticks.
type times struct{ all, stolen int64 }

// processors reads the machine's times; zero where the system has no /proc.
func processors() times {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return times{}
	}
	return parseTimes(string(stat))
}

// parseTimes reads the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq,
// steal. What follows is part of user and nice.
func parseTimes(stat string) (t times) {
	line, _, _ := strings.Cut(stat, "\n")
	for i, word := range strings.Fields(line) {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil || i > 8 {
			continue
		}
		t.all += n
		if i == 8 {
			t.stolen = n
		}
	}
	return t
}

// stolenSince is the share of the time since then that the host gave to others.
func (t times) stolenSince(before times) float64 {
	if t.all <= before.all {
		return 0
	}
	return float64(t.stolen-before.stolen) / float64(t.all-before.all)
}

// memoryOf adds up a process and its children. Pages that they share count for each.
func memoryOf(pid int) memory {
	id := strconv.Itoa(pid)
	status, err := os.ReadFile("/proc/" + id + "/status")
	if err != nil {
		return memory{}
	}
	m := parseStatus(status)
	for _, child := range childrenOf(pid) {
		of := memoryOf(child)
		m.Resident += of.Resident
		m.Peak += of.Peak
	}
	return m
}

// cpuOf adds up the processor time that a process and its children have used so far.
func cpuOf(pid int) time.Duration {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	used := parseStat(string(stat))
	for _, child := range childrenOf(pid) {
		used += cpuOf(child)
	}
	return used
}

// childrenOf are the processes that the main thread of a process has started, as gunicorn's
// workers are.
func childrenOf(pid int) (children []int) {
	id := strconv.Itoa(pid)
	list, err := os.ReadFile("/proc/" + id + "/task/" + id + "/children")
	if err != nil {
		return nil
	}
	for word := range strings.FieldsSeq(string(list)) {
		if child, err := strconv.Atoi(word); err == nil {
			children = append(children, child)
		}
	}
	return children
}

// parseStat reads user and system time from the content of /proc/PID/stat. The program's name,
// in brackets, may hold anything, so fields count from the last bracket.
func parseStat(stat string) time.Duration {
	const tick = 10 * time.Millisecond // what Linux tells its programs, whatever its own clock
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return time.Duration(user+system) * tick
}

// parseStatus reads the content of /proc/PID/status.
func parseStatus(status []byte) (m memory) {
	for line := range bytes.Lines(status) {
		key, value, _ := strings.Cut(string(line), ":")
		number, _ := strings.CutSuffix(strings.TrimSpace(value), " kB")
		kib, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			continue // a line of another kind
		}
		switch key {
		case "VmRSS":
			m.Resident = kib << 10
		case "VmHWM":
			m.Peak = kib << 10
		}
	}
	return m
}
