//! Codes of other worlds and of tests.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "world::conditional",
        "what a world changes depends on what it changes",
        "\
A test or scenario changes params and facts, and an `if` reads them: whether a change inside an `if` is made would
depend on itself. So what a world sets or loses stands outside of `if`; what is checked there may stand inside.

Move the line out of the `if`, or write a test for each case.",
        "\
param growth: Ratio = 100%

service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
    serves = 60 req/s
    demand = growth * 40 req/s
}

test \"twice the traffic\" {
    if growth > 100% {
        shop.priority = 5
    }

    feasible
}",
        "\
param growth: Ratio = 100%

service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
    serves = 60 req/s
    demand = growth * 40 req/s
}

test \"twice the traffic\" {
    growth = 200%
    shop.priority = 5

    feasible
}",
    ),
    code(
        "world::idle",
        "nothing is asked of this scenario",
        "\
A scenario is a world that the plan must survive, and only lines whose `when` names it hold there. No line names this
one, so every plan survives it, whatever it takes away.

Say what must hold in it.",
        "\
node box[1..3] {
    cpu = 8 core
    memory = 32GiB
}

service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
    replicas in 2..6
}

scenario one_dies {
    lose = [box[1]]
}",
        "\
node box[1..3] {
    cpu = 8 core
    memory = 32GiB
}

service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
    replicas in 2..6
    replicas >= 2 when one_dies
}

scenario one_dies {
    lose = [box[1]]
}",
    ),
    code(
        "world::not-settable",
        "this cannot be set in another world",
        "\
Left of `=` a test or scenario names a param of its file, or a fact or choice by its full path. A `let` is computed
from other values, and a whole thing is not one value.

Set one of the values it is computed from, or make the `let` a `param`.

A scenario sets no choice that is made once: replicas, places and layouts are the same in the base and in all scenarios. What a
scenario needs of them is a requirement, `replicas >= 3 when NAME`. A test plans anew, and may pin any choice.",
        "\
let evening = 40 req/s

service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
    serves = 60 req/s
    demand = evening
}

test \"twice the traffic\" {
    evening = 80 req/s

    feasible
}",
        "\
param evening: Rate = 40 req/s

service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
    serves = 60 req/s
    demand = evening
}

test \"twice the traffic\" {
    evening = 80 req/s

    feasible
}",
    ),
    code(
        "world::lost-twice",
        "this is lost twice",
        "\
A world names each thing that is gone once. What stands in a lost place is gone with it, so naming both is a slip:
perhaps another key was meant.

Leave one of them out.",
        "\
service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
}

node box[1..3] {
    cpu = 8 core
    memory = 32GiB
}

test \"two machines die\" {
    lose = [box[1], box[1]]

    feasible
}",
        "\
service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
}

node box[1..3] {
    cpu = 8 core
    memory = 32GiB
}

test \"two machines die\" {
    lose = [box[1], box[2]]

    feasible
}",
    ),
    code(
        "test::no-check",
        "this test checks nothing",
        "\
A test plans its world and then judges its checks on the plan found. Without a check it can never fail, and would
be counted as passed.

`feasible` checks that a plan exists at all.",
        "\
service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
}

node box[1..3] {
    cpu = 8 core
    memory = 32GiB
}

test \"a machine dies\" {
    lose = [box[1]]
}",
        "\
service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
}

node box[1..3] {
    cpu = 8 core
    memory = 32GiB
}

test \"a machine dies\" {
    lose = [box[1]]

    feasible
}",
    ),
    code(
        "test::wish",
        "a test checks, it does not wish",
        "\
A wish is weighed while planning, and a test judges the plan found. Whether a wish is granted would say nothing about
the plan, and the test could not fail by it.

Write the condition alone to check it. To have it weighed, write the wish into the block it speaks of.",
        "\
service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
}

node box[1..3] {
    cpu = 8 core
    memory = 32GiB
}

test \"a machine dies\" {
    lose = [box[1]]

    prefer shop.replicas >= 2
}",
        "\
service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
}

node box[1..3] {
    cpu = 8 core
    memory = 32GiB
}

test \"a machine dies\" {
    lose = [box[1]]

    shop.replicas >= 1
}",
    ),
    code(
        "test::repeats",
        "this check repeats a requirement",
        "\
In its world, a check on a measure and statistic stands for the lines of the source that bound the same measure and
statistic in the same direction: a promise may be weaker on a bad day. This check asks for exactly what such a line
asks for, so the world is planned as if it were not there.

Leave it out, or write the limit that should hold in this world.",
        "\
service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
    serves = 60 req/s
    demand = 40 req/s

    latency p99 < 500ms
}

test \"as always\" {
    shop.demand = 50 req/s

    shop.latency p99 < 500ms
}",
        "\
service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
    serves = 60 req/s
    demand = 40 req/s

    latency p99 < 500ms
}

test \"a bad day\" {
    shop.demand = 50 req/s

    shop.latency p99 < 2s
}",
    ),
];
