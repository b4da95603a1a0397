// Package graders holds what gen renders against graders that nobody here wrote: kube-score for good practice,
// kubeconform for the form of every object, and Helm itself for the charts. gen has judges of its own for all three;
// this is how their authors would notice that they are wrong.
//
// There are tests only, and nothing of gen/kubernetes or gen/policy is used in them. What is graded are the environments
// of the repository, those that the tests of the command line work on, and one with everything switched on.
package graders
