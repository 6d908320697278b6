//! Codes of guards, conditions and what they stand in.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "when::never",
        "a guard that lets no step through",
        "\
`when` says in which steps of the horizon a line holds, and in which scenarios. Here it holds in none, so the line asks for
nothing. A range of hours excludes its end, and one that begins later than it ends runs over midnight: `22h..6h`. A guard that
a param alone decides is not reported: it is meant to differ from world to world.",
        "\
policy evening {
    bill <= $5/h when hour in 17h..17h
}",
        "\
policy evening {
    bill <= $5/h
}",
    ),
    code(
        "when::always",
        "a guard that lets every step through",
        "\
`when` says in which steps of the horizon a line holds. Here it holds in all of them, so the guard changes nothing. It is not
reported where a param enters the guard: with another value it may let fewer through.",
        "\
policy all_day {
    bill <= $5/h when hour in 0h..24h
}",
        "\
policy all_day {
    bill <= $5/h
}",
    ),
    code(
        "when::decided",
        "a guard over what is decided or predicted",
        "\
A guard is known before there is a plan: it reads the hour, profiles of facts and scenarios. What the planner decides or
predicts belongs into the condition itself, where `or` and `not` say what follows from what.",
        "\
service shop {
    image = \"example/shop\"
    cpu = 1 core
    spread(node) >= 2 when replicas >= 2
}",
        "\
service shop {
    image = \"example/shop\"
    cpu = 1 core
    spread(node) >= 2
}",
    ),
    code(
        "when::misplaced",
        "time or a scenario inside a condition",
        "\
A condition says what must hold, and `when` after it where it must. The hour, a profile or a scenario inside a condition over
decisions would mix the two: move it after `when`. A line over profiles and facts alone needs no guard: it must hold in every
step.",
        "\
service shop {
    image = \"example/shop\"
    cpu = 1 core
    replicas >= 2 or hour in 20h..24h
}",
        "\
service shop {
    image = \"example/shop\"
    cpu = 1 core
    replicas >= 2
}",
    ),
    code(
        "flow::stage",
        "a path through something that answers no requests",
        "\
A flow's path says which services one request calls: `a -> b` one after another, `a & b` side by side, `40% * a` or `3 * a` by the
mean number of calls, `loop(a -> b, mean = 1.6, max = 5)` several times. A stage is a service, or another flow, whose path then
stands in its place.",
        "\
node box {
    cpu = 8 core
}
service shop {
    image = \"example/shop\"
    cpu = 1 core
}
flow visit {
    path = shop -> box
}",
        "\
node box {
    cpu = 8 core
}
service shop {
    image = \"example/shop\"
    cpu = 1 core
}",
    ),
    code(
        "flow::too-long",
        "a path with more stages than can be planned",
        "\
The paths of other flows are written out where they are named, so that flows made of flows can grow beyond all measure. Say how
often a part is walked instead of writing it down again: `12 * s`, `loop(a -> b, mean = 3, max = 8)`.",
        "",
        "",
    ),
    code(
        "flow::variant",
        "a choice between variants that is none",
        "\
`one_of([small, large])` in a flow's path lists services or flows of which each walk takes one. The plan chooses the shares, step by
step, and `share(small)` bounds one of them. A choice is between two or more, each listed once, and a share is that of a variant in
the flow's own path. Where several choices list the same variant, its share is that at each of them.",
        "\
service small {
    image = \"example/small\"
    cpu = 1 core
}
service large {
    image = \"example/large\"
    cpu = 4 core
}
flow answer {
    path = one_of([small, small])
}",
        "\
service small {
    image = \"example/small\"
    cpu = 1 core
}
service large {
    image = \"example/large\"
    cpu = 4 core
}
flow answer {
    path = one_of([small, large])
}",
    ),
    code(
        "policy::empty",
        "a line about nothing",
        "\
A line over `all` of a set, or over a `sum`, holds whatever the planner does when the set is empty. That is rarely meant: a name
or a `where` lets nothing through, or what it speaks of stands in another file. It is a warning, because a file of rules may be
used by programs that have nothing of a kind.",
        "\
service shop {
    image = \"example/shop\"
    cpu = 1 core
}
policy spread {
    all s in service[*] where s.priority >= 90: s.spread(node) >= 2
}",
        "\
service shop {
    image = \"example/shop\"
    cpu = 1 core
    priority = 90
}
policy spread {
    all s in service[*] where s.priority >= 90: s.spread(node) >= 2
}",
    ),
];
