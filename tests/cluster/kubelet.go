package main

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"
	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
)

// Annotations by which a test tells the kubelet what to pretend.
const (
	// On a node, `dead`: nobody reports for it any more, and its pods stop being ready.
	nodeCue = "test.berth/node"
	// On a pod: one of the words that images end in, see pretend.
	podCue = "test.berth/pod"
)

// A node that says nothing for this long is taken for lost by the controllers; reports come three times as often.
const reportEvery = 10 * time.Second

// newKubeletCommand stands in for the kubelet of every node there is. It reports nodes ready, and lets pods
// that are bound to them run, wait or fail as their images say.
func newKubeletCommand() *cobra.Command {
	var path string
	command := &cobra.Command{
		Use:          "kubelet",
		SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", path)
			if err != nil {
				return err
			}
			config.QPS, config.Burst = 500, 1000
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			kubelet := kubelet{client: client}
			return kubelet.run(command.Context())
		},
	}
	command.Flags().StringVar(&path, "kubeconfig", "", "how to reach the API server")
	return command
}

type kubelet struct {
	client kubernetes.Interface
	nodes  cache.Store
	pods   cache.Store
}

func (k *kubelet) run(ctx context.Context) error {
	factory := informers.NewSharedInformerFactory(k.client, 0)
	nodes, pods := factory.Core().V1().Nodes().Informer(), factory.Core().V1().Pods().Informer()
	k.nodes, k.pods = nodes.GetStore(), pods.GetStore()
	onNode := func(object any) {
		if node, ok := object.(*core.Node); ok {
			k.report(ctx, node)
		}
	}
	onPod := func(object any) {
		if pod, ok := object.(*core.Pod); ok {
			k.pretend(ctx, pod)
		}
	}
	updated := func(see func(any)) cache.ResourceEventHandlerFuncs {
		return cache.ResourceEventHandlerFuncs{AddFunc: see, UpdateFunc: func(_, now any) { see(now) }}
	}
	if _, err := nodes.AddEventHandler(updated(onNode)); err != nil {
		return err
	}
	if _, err := pods.AddEventHandler(updated(onPod)); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		for _, object := range k.nodes.List() {
			k.renew(ctx, object.(*core.Node))
		}
	}, reportEvery)
	return nil
}

func isDead(node *core.Node) bool { return node.Annotations[nodeCue] == "dead" }

// report says that a node is ready, or that it is not, where that is news.
func (k *kubelet) report(ctx context.Context, node *core.Node) {
	status := core.ConditionTrue
	if isDead(node) {
		// What the controllers would find after a minute of silence.
		status = core.ConditionUnknown
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == core.NodeReady && condition.Status == status {
			return
		}
	}
	now := meta.Now()
	patch := map[string]any{"status": map[string]any{"conditions": []core.NodeCondition{{
		Type: core.NodeReady, Status: status, Reason: "Pretended", LastHeartbeatTime: now, LastTransitionTime: now,
	}}}}
	if len(node.Status.Allocatable) == 0 {
		patch["status"].(map[string]any)["allocatable"] = node.Status.Capacity
	}
	body, _ := json.Marshal(patch)
	_, err := k.client.CoreV1().Nodes().PatchStatus(ctx, node.Name, body)
	complain(err, "node", node.Name)
}

// renew keeps a living node's lease.
func (k *kubelet) renew(ctx context.Context, node *core.Node) {
	if isDead(node) {
		return
	}
	leases := k.client.CoordinationV1().Leases(core.NamespaceNodeLease)
	now := meta.NewMicroTime(time.Now())
	body, _ := json.Marshal(map[string]any{"spec": map[string]any{"renewTime": now}})
	_, err := leases.Patch(ctx, node.Name, types.MergePatchType, body, meta.PatchOptions{})
	if errors.IsNotFound(err) {
		_, err = leases.Create(ctx, &coordination.Lease{
			ObjectMeta: meta.ObjectMeta{Name: node.Name},
			Spec: coordination.LeaseSpec{
				HolderIdentity:       ptr.To(node.Name),
				LeaseDurationSeconds: ptr.To(int32(40)),
				RenewTime:            &now,
			},
		}, meta.CreateOptions{})
	}
	complain(err, "lease", node.Name)
}

// pretend lets a bound pod be what the tag of its first image says: `unpullable`, `crashing`, `unready`,
// `failed`, `succeeded`, and running for all others. A pod that is to go is gone at once.
func (k *kubelet) pretend(ctx context.Context, pod *core.Pod) {
	if pod.Spec.NodeName == "" {
		return
	}
	object, known, _ := k.nodes.GetByKey(pod.Spec.NodeName)
	if !known || isDead(object.(*core.Node)) {
		return
	}
	if pod.DeletionTimestamp != nil {
		now := meta.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0)), Preconditions: meta.NewUIDPreconditions(string(pod.UID))}
		complain(k.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, now), "pod", pod.Name)
		return
	}
	cue := pod.Annotations[podCue]
	if cue == "" {
		image := pod.Spec.Containers[0].Image
		cue = image[strings.LastIndex(image, ":")+1:]
	}
	phase, ready, state := core.PodRunning, true, core.ContainerState{Running: &core.ContainerStateRunning{StartedAt: meta.Now()}}
	waits := func(reason string) core.ContainerState {
		return core.ContainerState{Waiting: &core.ContainerStateWaiting{Reason: reason, Message: "pretended"}}
	}
	ends := func(code int32, reason string) core.ContainerState {
		return core.ContainerState{Terminated: &core.ContainerStateTerminated{ExitCode: code, Reason: reason}}
	}
	switch cue {
	case "unpullable":
		phase, ready, state = core.PodPending, false, waits("ImagePullBackOff")
	case "crashing":
		ready, state = false, waits("CrashLoopBackOff")
	case "unready":
		ready = false
	case "failed":
		phase, ready, state = core.PodFailed, false, ends(1, "Error")
	case "succeeded":
		phase, ready, state = core.PodSucceeded, false, ends(0, "Completed")
	}
	if pod.Status.Phase == phase && isReady(pod) == ready && len(pod.Status.ContainerStatuses) > 0 {
		return
	}
	pod = pod.DeepCopy()
	pod.Status.Phase = phase
	pod.Status.StartTime = ptr.To(meta.Now())
	pod.Status.HostIP, pod.Status.PodIP = "127.0.0.1", "127.0.0.1"
	answer := core.ConditionFalse
	if ready {
		answer = core.ConditionTrue
	}
	for _, kind := range []core.PodConditionType{core.PodInitialized, core.ContainersReady, core.PodReady} {
		value := answer
		if kind == core.PodInitialized {
			value = core.ConditionTrue
		}
		setCondition(pod, kind, value)
	}
	pod.Status.ContainerStatuses = nil
	for _, container := range pod.Spec.Containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, core.ContainerStatus{
			Name: container.Name, Image: container.Image, Ready: ready, Started: &ready, State: state,
		})
	}
	_, err := k.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, pod, meta.UpdateOptions{})
	complain(err, "pod", pod.Name)
}

func isReady(pod *core.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == core.PodReady {
			return condition.Status == core.ConditionTrue
		}
	}
	return false
}

func setCondition(pod *core.Pod, kind core.PodConditionType, status core.ConditionStatus) {
	set := core.PodCondition{Type: kind, Status: status, LastTransitionTime: meta.Now()}
	for at, condition := range pod.Status.Conditions {
		if condition.Type == kind {
			pod.Status.Conditions[at] = set
			return
		}
	}
	pod.Status.Conditions = append(pod.Status.Conditions, set)
}

// complain logs what went wrong, unless the object is gone or newer: then the next event tells.
func complain(err error, kind, name string) {
	if err != nil && !errors.IsNotFound(err) && !errors.IsConflict(err) {
		klog.ErrorS(err, "kubelet", kind, name)
	}
}
