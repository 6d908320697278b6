// Kubernetes' control plane and what its tests need, in one program: linking the parts together takes a
// fraction of the time and the disk that linking each takes.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// parts are the programs in here, by the name that the first argument gives.
var parts = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllers.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubectl":                 kubectl.NewDefaultKubectlCommand,
	"etcd":                    newEtcdCommand,
	"credentials":             newCredentialsCommand,
	"kubelet":                 newKubeletCommand,
	"proxy":                   newProxyCommand,
}

func main() {
	// A link with a part's name runs that part.
	if name := filepath.Base(os.Args[0]); parts[name] != nil {
		os.Exit(cli.Run(parts[name]()))
	}
	if len(os.Args) < 2 || parts[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: control-plane PART ARGUMENTS")
		os.Exit(2)
	}
	part := parts[os.Args[1]]
	// What the part takes for its own command line.
	os.Args = os.Args[1:]
	os.Exit(cli.Run(part()))
}
