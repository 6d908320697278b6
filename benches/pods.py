#!/usr/bin/env python3
"""Pod packing against OR-tools CP-SAT and the default scheduler, on the files of `benches/generate pods`, in one run.

    pip install ortools==9.15.6755
    benches/pods.py --nodes 8 16 32 --utilisation 95 100 105 --seeds 1 2

For each file three questions, priorities highest first:

- what `berth plan` leaves out, its bounds, and the CPU time of the whole command from text to JSON;
- what the default scheduler with preemption leaves out (`benches/peers/default_scheduler.py`), and what CP-SAT does
  in the time it is given, one worker (`benches/peers/cp_sat.py`); `verdict` compares with CP-SAT, priority by priority;
- from the default scheduler's outcome as the state, how many pods `berth plan --state` moves, and its CPU time;
  beside it how many CP-SAT's grouped model moves in the same time it was given before, where it has to place as many
  of each priority as Berth's plan does, and what it says no plan is below.

A study aid: it needs OR-tools, which the program does not, and is not run by the tests.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import re
import resource
import subprocess
import tempfile

from peers import cp_sat
from peers.default_scheduler import Scheduler

ROOT = pathlib.Path(__file__).resolve().parent.parent

# A plan is made from a state for a target: its name and namespace say whose the pods are.
PLAN = '\nplan pods {\n    minimize = bill\n    target = kubernetes(namespace = "pods")\n}\n'


def thousandths(text):
    """`1.25` as 1250, exactly."""
    whole, _, part = text.partition(".")
    return int(whole) * 1000 + int((part + "000")[:3])


def read(path):
    """Machines, their capacity, and deployments as (cpu, memory, priority, pods)."""
    text = path.read_text()
    nodes, cpu, memory = re.search(
        r"node n\[1\.\.(\d+)\] \{\s+cpu = ([\d.]+) core\s+memory = (\d+)MB", text
    ).groups()
    deployments = re.findall(
        r"service \w+ \{\s+cpu = ([\d.]+) core\s+memory = (\d+)MB\s+priority = (\d+)\s+replicas in 0\.\.(\d+)", text
    )
    of = [(thousandths(c), int(m), int(p), int(k)) for c, m, p, k in deployments]
    return int(nodes), (thousandths(cpu), int(memory)), of


def berth(path, output, *arguments):
    """The plan, verified, and the CPU seconds of the command that made it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [ROOT / "berth", "plan", path, "--json", "-o", output, *arguments]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    subprocess.run([ROOT / "berth", "verify", output], stdout=subprocess.DEVNULL, check=True)
    return json.loads(output.read_text()), cpu


def levels(plan, name):
    """Values and bounds of the levels that are called so."""
    of = [level for level in plan["objective"] if level["name"].startswith(name)]
    return [round(level["incumbent"]) for level in of], [round(level["bound"]) for level in of]


def state(running):
    """The default scheduler's outcome, as `berth import` would write it."""
    parent = hashlib.sha256(b"berth-pods.pods.ConfigMap.").digest()
    owner = f"applyset-{base64.urlsafe_b64encode(parent).decode().rstrip('=')}-v1"
    entries = [
        {"owner": owner, "service": f"d{r}", "node": f"n-{n + 1}", "replicas": count}
        for r, on in enumerate(running)
        for n, count in on.items()
    ]
    return json.dumps({"format": "berth.state/1", "berth_version": "0.1.0", "running": entries})


def by_priority(deployments, placed):
    """What is placed of each priority, highest first."""
    counts = {p: 0 for p in sorted({d[2] for d in deployments}, reverse=True)}
    for deployment, count in zip(deployments, placed):
        counts[deployment[2]] += count
    return counts


def verdict(ours, theirs):
    if theirs is None:
        return "CP-SAT found nothing"
    return "equal" if ours == theirs else "better" if ours < theirs else "WORSE"


def study(folder, seconds):
    """A row of the table for the file in a folder."""
    nodes, capacity, deployments = read(folder / "main.berth")
    plan, cpu = berth(folder / "main.berth", folder / "plan.json")
    ours, bound = levels(plan, "unmet wishes")
    theirs, proved = cp_sat.left_out(nodes, capacity, deployments, seconds)
    running = Scheduler(nodes, capacity, deployments).run()
    asked = by_priority(deployments, (d[3] for d in deployments))
    stands = by_priority(deployments, (sum(on.values()) for on in running))
    default = [asked[p] - stands[p] for p in asked]

    (folder / "moving.berth").write_text((folder / "main.berth").read_text() + PLAN)
    (folder / "state.json").write_text(state(running))
    plan, moving_cpu = berth(
        folder / "moving.berth", folder / "moving.json", "--state", folder / "state.json"
    )
    missing, _ = levels(plan, "unmet wishes")
    [moved], [least] = levels(plan, "moves")
    placed = {p: asked[p] - left for p, left in zip(asked, missing)}
    cp_moved, cp_least = cp_sat.moves(nodes, capacity, deployments, running, placed, seconds)
    return (
        f"{ours} {bound} {cpu:.2f} | {theirs}{' proved' if proved else ''} | {verdict(ours, theirs)} | {default}"
        f" | {missing} {moved} >= {least} {moving_cpu:.2f} | {cp_moved} >= {cp_least} | {verdict(moved, cp_moved)}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--pods-per-node", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--utilisation", type=int, nargs="+", default=[95, 100, 105])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=10.0, help="CP-SAT's time for each question")
    arguments = parser.parse_args()
    # Both are up to date before anything is measured.
    for program in ("berth", "benches/generate"):
        subprocess.run([ROOT / program, "--version"], stdout=subprocess.DEVNULL, check=True)
    print(
        "nodes pods/node  full seed | left out, bound, CPU s | CP-SAT | verdict | default scheduler"
        " | from there: left out, moves >= bound, CPU s | CP-SAT | verdict"
    )
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for nodes in arguments.nodes:
            for pods in arguments.pods_per_node:
                for utilisation in arguments.utilisation:
                    for seed in arguments.seeds:
                        subprocess.run(
                            [ROOT / "benches/generate", "pods", "--nodes", str(nodes), "--pods-per-node", str(pods)]
                            + ["--utilisation", str(utilisation), "--seed", str(seed), "--out", folder],
                            stdout=subprocess.DEVNULL,
                            check=True,
                        )
                        row = study(folder, arguments.seconds)
                        print(f"{nodes:5} {pods:9} {utilisation:4}% {seed:4} | {row}", flush=True)


if __name__ == "__main__":
    main()
