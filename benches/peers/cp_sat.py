"""Pod packing as a model for OR-tools CP-SAT, one worker: a whole variable for each deployment and machine."""

import time


def grouped(nodes, capacity, deployments):
    """The model, and its variables by deployment and machine."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    fits = [min(k, capacity[0] // c, capacity[1] // m) for c, m, _, k in deployments]
    copies = [
        [model.NewIntVar(0, fits[r], f"x{r}_{n}") for n in range(nodes)] for r in range(len(deployments))
    ]
    for n in range(nodes):
        for resource, amount in enumerate(capacity):
            model.Add(sum(d[resource] * copies[r][n] for r, d in enumerate(deployments)) <= amount)
    for r, deployment in enumerate(deployments):
        model.Add(sum(copies[r]) <= deployment[3])
    return model, copies


def solver(seconds):
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = max(0.01, seconds)
    return solver


def left_out(nodes, capacity, deployments, seconds):
    """What is left out by priority within the time, highest first, each held before the next is looked at; none
    where nothing was found. And whether it says that no less is possible."""
    from ortools.sat.python import cp_model

    model, copies = grouped(nodes, capacity, deployments)
    missing, proved, deadline = [], True, time.process_time() + seconds
    for priority in sorted({d[2] for d in deployments}, reverse=True):
        of = [r for r, d in enumerate(deployments) if d[2] == priority]
        asked = sum(deployments[r][3] for r in of)
        placed = sum(x for r in of for x in copies[r])
        model.Maximize(placed)
        search = solver(deadline - time.process_time())
        status = search.Solve(model)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None, False
        proved = proved and status == cp_model.OPTIMAL
        value = round(search.ObjectiveValue())
        missing.append(asked - value)
        model.Add(placed >= value)
        model.ClearHints()
        for row in copies:
            for x in row:
                model.AddHint(x, search.Value(x))
    return missing, proved


def moves(nodes, capacity, deployments, running, placed, seconds):
    """The fewest pods that move within the time where as many of each priority are placed as `placed` says; none
    where nothing was found. And what it says no plan is below.

    `running` has pods by machine for each deployment. A pod moves where as many of its deployment leave a machine
    as are wanted on another; what only goes, or only comes, does not.
    """
    from ortools.sat.python import cp_model

    model, copies = grouped(nodes, capacity, deployments)
    for priority, count in placed.items():
        of = [r for r, d in enumerate(deployments) if d[2] == priority]
        model.Add(sum(x for r in of for x in copies[r]) >= count)
    moved = []
    for r, deployment in enumerate(deployments):
        run = sum(running[r].values())
        if run == 0:
            continue
        kept = []
        for n, count in running[r].items():
            stay = model.NewIntVar(0, count, f"k{r}_{n}")
            model.Add(stay <= copies[r][n])
            kept.append(stay)
            model.AddHint(copies[r][n], count)
        planned = sum(copies[r])
        both = model.NewIntVar(0, run, f"b{r}")
        model.AddMinEquality(both, [planned, run]) if deployment[3] > run else model.Add(both == planned)
        moved.append(both - sum(kept))
    model.Minimize(sum(moved))
    search = solver(seconds)
    status = search.Solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None, round(search.BestObjectiveBound())
    return round(search.ObjectiveValue()), round(search.BestObjectiveBound())
