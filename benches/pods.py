#!/usr/bin/env python3
"""Pod packing against OR-tools CP-SAT, on the files of `benches/generate pods`, in one run.

    pip install ortools==9.15.6755
    benches/pods.py --nodes 8 16 32 --utilisation 95 100 105 --seeds 1 2

For each file: what `berth plan` leaves out by priority, highest first, its bounds, and the CPU time of the
whole command from text to JSON; beside it what CP-SAT leaves out in the time it is given, one worker, with
one whole variable for each deployment and machine, priorities one after another, each held before the next
is looked at. `verdict` compares what is left out, priority by priority.

A study aid: it needs OR-tools, which the program does not, and is not run by the tests.
"""

import argparse
import json
import pathlib
import re
import resource
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


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


def berth(path, output):
    """What is left out by priority, the bounds, and the CPU seconds of the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([ROOT / "berth", "plan", path, "--json", "-o", output], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    levels = [level for level in json.loads(output.read_text())["objective"] if level["name"] != "bill"]
    subprocess.run([ROOT / "berth", "verify", output], stdout=subprocess.DEVNULL, check=True)
    missing = [round(level["incumbent"]) for level in levels]
    return missing, [round(level["bound"]) for level in levels], cpu


def cp_sat(nodes, capacity, deployments, seconds):
    """What CP-SAT leaves out by priority within the time, and whether it says that no less is possible."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    fits = [min(k, capacity[0] // c, capacity[1] // m) for c, m, _, k in deployments]
    copies = [
        [model.NewIntVar(0, fits[r], f"x{r}_{n}") for n in range(nodes)] for r in range(len(deployments))
    ]
    for n in range(nodes):
        for resource_, amount in enumerate(capacity):
            model.Add(sum(d[resource_] * copies[r][n] for r, d in enumerate(deployments)) <= amount)
    for r, deployment in enumerate(deployments):
        model.Add(sum(copies[r]) <= deployment[3])
    missing, proved, deadline = [], True, time.process_time() + seconds
    for priority in sorted({d[2] for d in deployments}, reverse=True):
        of = [r for r, d in enumerate(deployments) if d[2] == priority]
        asked = sum(deployments[r][3] for r in of)
        placed = sum(x for r in of for x in copies[r])
        model.Maximize(placed)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.max_time_in_seconds = max(0.01, deadline - time.process_time())
        status = solver.Solve(model)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None, False
        proved = proved and status == cp_model.OPTIMAL
        value = round(solver.ObjectiveValue())
        missing.append(asked - value)
        model.Add(placed >= value)
        model.ClearHints()
        for row in copies:
            for x in row:
                model.AddHint(x, solver.Value(x))
    return missing, proved


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--pods-per-node", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--utilisation", type=int, nargs="+", default=[95, 100, 105])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=10.0, help="CP-SAT's time for one file")
    arguments = parser.parse_args()
    # Both are up to date before anything is measured.
    for program in ("berth", "benches/generate"):
        subprocess.run([ROOT / program, "--version"], stdout=subprocess.DEVNULL, check=True)
    print("nodes pods/node  full seed | left out, bound, CPU s      | CP-SAT leaves out      | verdict")
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
                        ours, bound, cpu = berth(folder / "main.berth", folder / "plan.json")
                        theirs, proved = cp_sat(*read(folder / "main.berth"), arguments.seconds)
                        if theirs is None:
                            verdict = "CP-SAT found nothing"
                        elif ours == theirs:
                            verdict = "equal"
                        else:
                            verdict = "better" if ours < theirs else "WORSE"
                        said = f"{theirs}{' proved' if proved else ''}"
                        print(
                            f"{nodes:5} {pods:9} {utilisation:4}% {seed:4} | {ours} {bound} {cpu:.2f} | {said} | {verdict}",
                            flush=True,
                        )


if __name__ == "__main__":
    main()
