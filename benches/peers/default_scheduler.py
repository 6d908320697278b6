"""What the default scheduler of Kubernetes makes of pods, after its source (release 1.33).

Its profile as far as pods on equal machines meet it: `NodeResourcesFit` with the strategy LeastAllocated and
`NodeResourcesBalancedAllocation`, each of weight 1 over cpu and memory, in whole numbers up to 100; of 100 machines
and more only a part is looked at; `DefaultPreemption` with the least victims. Ties go to the first machine looked
at, where Kubernetes draws one.

Deployments create their pods one after another in their order, and each is scheduled as it comes: the queue is
served by priority, then by age. What is evicted is created again and queues anew, and whenever something leaves a
machine all that wait are tried again.
"""

import heapq

# What is added to each victim's priority, so that fewer victims weigh less whatever their priorities.
ABOVE_ALL = 2**31


def looked_at(machines):
    """How many machines with room are found before the search for more ends (numFeasibleNodesToFind)."""
    if machines < 100:
        return machines
    percentage = max(50 - machines // 125, 5)
    return max(machines * percentage // 100, 100)


class Scheduler:
    def __init__(self, nodes, capacity, deployments):
        """`deployments` as (cpu, memory, priority, pods)."""
        self.deployments = deployments
        self.capacity = capacity
        self.free = [list(capacity) for _ in range(nodes)]
        # By machine: pod and when it started, in that order.
        self.on = [{} for _ in range(nodes)]
        self.at = {}
        self.first = 0
        self.clock = 0
        self.evictions = 0

    def run(self):
        """By deployment: pods by machine, once nothing more happens."""
        waiting = []
        for deployment, (_, _, _, pods) in enumerate(self.deployments):
            for copy in range(pods):
                waiting = self.serve([(deployment, copy)], waiting)
        counts = [{} for _ in self.deployments]
        for (deployment, _), node in self.at.items():
            counts[deployment][node] = counts[deployment].get(node, 0) + 1
        return counts

    def serve(self, created, waiting):
        """Schedules what was created, and what that evicts; what waits in the end."""
        queue = []
        for pod in created:
            self.enqueue(queue, pod)
        while queue:
            pod = heapq.heappop(queue)[2]
            node = self.best_node(pod)
            if node is not None:
                self.place(pod, node)
                continue
            chosen = self.preempt(pod)
            if chosen is None:
                waiting.append(pod)
                continue
            node, victims = chosen
            for victim in victims:
                self.remove(victim)
            # It has been nominated for that machine, where it is tried first.
            self.place(pod, node)
            self.evictions += len(victims)
            for again in victims + waiting:
                self.enqueue(queue, again)
            waiting = []
        return waiting

    def enqueue(self, queue, pod):
        self.clock += 1
        heapq.heappush(queue, (-self.priority(pod), self.clock, pod))

    def priority(self, pod):
        return self.deployments[pod[0]][2]

    def request(self, pod):
        return self.deployments[pod[0]][:2]

    def best_node(self, pod):
        request, nodes = self.request(pod), len(self.free)
        wanted, best, seen, found = looked_at(nodes), None, 0, 0
        for step in range(nodes):
            node = (self.first + step) % nodes
            seen += 1
            if all(free >= asked for free, asked in zip(self.free[node], request)):
                score = self.score(node, request)
                if best is None or score > best[0]:
                    best = (score, node)
                found += 1
                if found == wanted:
                    break
        self.first = (self.first + seen) % nodes
        return best and best[1]

    def score(self, node, request):
        left = [free - asked for free, asked in zip(self.free[node], request)]
        least_allocated = sum(100 * l // c for l, c in zip(left, self.capacity)) // len(left)
        cpu, memory = (1 - l / c for l, c in zip(left, self.capacity))
        # With two resources the standard deviation is half their distance.
        balanced = int((1 - abs(cpu - memory) / 2) * 100)
        return least_allocated + balanced

    def preempt(self, pod):
        """The machine with the least victims, and who they are; none where no eviction helps."""
        request, best = self.request(pod), None
        for node in range(len(self.free)):
            lower = [other for other in self.on[node] if self.priority(other) < self.priority(pod)]
            free = [
                free + sum(self.request(other)[r] for other in lower) - request[r]
                for r, free in enumerate(self.free[node])
            ]
            if not lower or min(free) < 0:
                continue
            # The more important, then the older ones are spared first.
            victims = []
            for other in sorted(lower, key=lambda other: (-self.priority(other), self.on[node][other])):
                left = [f - asked for f, asked in zip(free, self.request(other))]
                if min(left) >= 0:
                    free = left
                else:
                    victims.append(other)
            highest = max(map(self.priority, victims))
            started = min(self.on[node][other] for other in victims if self.priority(other) == highest)
            total = sum(self.priority(other) + ABOVE_ALL for other in victims)
            key = (highest, total, len(victims), -started)
            if best is None or key < best[0]:
                best = (key, node, victims)
        return best and best[1:]

    def place(self, pod, node):
        self.clock += 1
        self.at[pod] = node
        self.on[node][pod] = self.clock
        for r, asked in enumerate(self.request(pod)):
            self.free[node][r] -= asked

    def remove(self, pod):
        node = self.at.pop(pod)
        del self.on[node][pod]
        for r, asked in enumerate(self.request(pod)):
            self.free[node][r] += asked
