// Package faults tests what the service does when what it stands on fails, with real processes
// and under load. It consists of tests alone.
//
//	load_test.go       clients that use every workload at once, and judge each answer
//	ledger_test.go     what the clients were promised, and whether it was kept
//	postgres_test.go   PostgreSQL is stopped, killed, or cut off by the network
//	redis_test.go      Redis is killed
//	upstream_test.go   the upper-casing system hangs, or answers nonsense
//	disk_test.go       the disk is full
//	drain_test.go      SIGTERM with requests in flight, and a rolling update
//	kill_test.go       SIGKILL
//	crowd_test.go      2,000 connections, and clients that are slow on purpose
//
// Three rules hold in all of them. An answer comes in time, whatever is broken. It is no lie: a
// failure says that it is one, and nothing that was promised is missing afterwards. And the
// service recovers by itself: no test restarts it to make it well.
package faults
