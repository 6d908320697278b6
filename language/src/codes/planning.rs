//! Codes of what is understood and cannot be planned, and of plans themselves.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "plan::not-yet",
        "understood, and not acted on yet",
        "\
The language is larger than what the planner does so far. This line was read and understood, its names and
units were checked, and then it was set aside: no part of the plan depends on it.

A plan from a file with such lines is `partial`. Each of them is repeated at the top of every output, because
a promise that nobody checked must not look like one that holds. `--allow-unjudged plan::not-yet` accepts that
for one run.",
        "\
service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB

    availability >= 99.9%
}",
        "\
service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
}",
    ),
    code(
        "requirement::contradiction",
        "lines that cannot hold together",
        "\
These lines exclude each other by what they say alone: whatever the machines are and whatever is predicted, one
of them does not hold. Without any one of them the others can. `berth check` finds this without planning; what
machines and predictions exclude is found by `berth plan`, as `plan::infeasible`.

Where lines have a `when`, only those are held against each other that act at the same time in the same world.
Change one of the lines, leave one out, or say when each is meant.",
        "",
        "",
    ),
    code(
        "requirement::redundant",
        "a line that asks for nothing new",
        "\
Whatever is planned, this line holds where the others do: `spread(node) >= 2` beside `spread(node) >= 3`. A line
of a service is held against the lines of its own block, because a service states what it needs even where a
policy asks for it too; a policy is held against all other lines.

Leave it out, or ask for more.",
        "",
        "",
    ),
    code(
        "policy::not-implied",
        "a policy does not hold in every plan",
        "\
The policy says `implied = true`: every plan that all other lines allow should keep it, whether anybody asks for it
or not. Some plan does not. It is shown, and it was rechecked in exact arithmetic.

The policy still is a requirement, so the plan that is made keeps it. Add a line that implies it, or leave
`implied` out.",
        "",
        "",
    ),
    code(
        "policy::undecided",
        "whether a policy holds in every plan is not decided",
        "\
The policy says `implied = true`, and neither a proof nor a plan that breaks it was found: it speaks of something that
only a model predicts, or the search ended first.

The policy still is a requirement, so the plan that is made keeps it.",
        "",
        "",
    ),
    code(
        "plan::infeasible",
        "these lines cannot hold together",
        "\
No plan meets all requirements. The lines named are an irreducible set: leave any one of them out, and the
rest of the set can hold. Pins (`replicas = 3`), requirements, params and facts of the hardware take part.

Relax one of the lines, or add hardware. The ways out that are listed were each checked by solving again.",
        "",
        "",
    ),
    code(
        "plan::stale",
        "the plan was made from other files",
        "\
The plan file records a hash of every file that it was made from. At least one of them has changed since, so what
the plan promises may no longer follow from what the files say.

Plan again, or check the files out as they were.",
        "",
        "",
    ),
    code(
        "plan::altered",
        "the plan does not follow from its files",
        "\
A plan is verified with nothing but its own text and the sources: every requirement is evaluated again, every
capacity added up again, every prediction computed again. Here something differs from what was recorded: a
placement, a count, a layout, a measure, a bound or a price.

Plan again rather than edit a plan by hand; what you want belongs into the plan file.",
        "",
        "",
    ),
    code(
        "model::missing-input",
        "a requirement needs facts that nobody states",
        "\
A measure is predicted from facts. Some of those that this one needs are neither stated nor have a default, so the
line cannot be judged: `latency` of a container needs `serves` and a demand, `ttft` needs the lengths of prompts and
answers and the memory and speed of the devices.

State the facts that the message names, or leave the requirement out.",
        "",
        "",
    ),
    code(
        "lock::differs",
        "this version ships something else than the lock pins",
        "\
`berth.lock` beside the plan file pins what the program takes from Berth itself: the lines of the catalog that it
uses, and the fits that predictions rest on. This version ships other ones, so its plans and promises may differ from
those that were agreed to.

`berth lock FILE` prints every line that changes, from what to what, and writes the new lock; reviewing that file's
changes is reviewing the upgrade. To stay as it was, plan with the version that wrote the lock.",
        "",
        "",
    ),
    code(
        "lock::incomplete",
        "the lock does not pin all that the program uses",
        "\
The program uses a thing of the catalog, or a fit, that `berth.lock` does not know: it was added after the lock was
written. Nothing is wrong with the plan, but the next version may change that thing unseen.

Run `berth lock FILE`.",
        "",
        "",
    ),
    code(
        "lock::damaged",
        "the lock is not what `berth lock` wrote",
        "\
`berth.lock` is written by `berth lock` and holds a hash over its own lines. It cannot be read, or a line was changed
by hand or by a merge, so what it pins is not known.

Restore it from version control, or delete it and run `berth lock FILE` again.",
        "",
        "",
    ),
    code(
        "module::parse",
        "a module that does not parse",
        "\
`mlir(\"…\")` reads an exported module as text: linalg on tensors as MLIR prints it, StableHLO in generic form, and
any other dialect in generic form. The message is MLIR's, at its line of the file.

StableHLO's own way of writing, `stablehlo.add %a, %b`, is known to programs that have that dialect built in. Print the
generic form: `stablehlo-opt --mlir-print-op-generic`, or `module.operation.get_asm(print_generic_op_form=True)` in
Python.",
        "",
        "",
    ),
    code(
        "module::verify",
        "a module that cannot be priced",
        "\
The module parsed, and one of its operations does not add up: a product of widths that differ, an extent that nothing
says, a loop whose trips do not follow from its counter, a function that calls itself. The message stands at the
operation's line and says what to add.

Extents that the types leave open are stated on the model: `bind = [arg0_0: sequences, arg0_1: tokens]` says that
dimension 0 of the entry's first argument is the requests of one call and dimension 1 the tokens of a prompt; a whole
number is an extent too.",
        "",
        "",
    ),
    code(
        "module::precision",
        "a module computes in another precision",
        "\
The types of a module say in which precision it computes, and a line on the service allows others only. Leave the line
out, or export the module in the precision that you want.",
        "",
        "",
    ),
    code(
        "module::unpriced",
        "operations that no rule prices",
        "\
The bytes that such an operation reads and writes count, its FLOPs do not: the message says how often it runs and what
share of all bytes it moves. State its FLOPs among its attributes, `berth.flops = 1024 : i64`, to have them counted.",
        "",
        "",
    ),
    code(
        "ir::parse",
        "the text is no IR",
        "\
`berth lower --from ir FILE` reads MLIR in the dialect that `berth lower --to ir` writes. The text at this place is
not MLIR, or uses an operation or type that the dialect does not have.

Start from the text that `--to ir` prints and change it in small steps; `mlir-opt` with the dialect's IRDL file
reads it too.",
        "",
        "",
    ),
    code(
        "ir::verify",
        "the IR contradicts itself",
        "\
The text is MLIR, but an operation breaks a rule of the dialect: shapes that do not fit each other, a missing
attribute, a value that is sharded in two ways.

The message names the operation and the rule. If you did not edit the text, this is a mistake of the program:
please report it.",
        "",
        "",
    ),
    code(
        "solve::unknown",
        "no plan was found, and none was excluded",
        "\
The search ended at its limit without a plan and without a proof that there is none.

Give it more time (`--time-limit`, `effort`), allow a larger `gap`, or plan a part of the program.",
        "",
        "",
    ),
];
