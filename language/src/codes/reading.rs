//! Codes of reading: files, imports, syntax.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "file::directory",
        "a folder where a file should be",
        "\
A plan file is needed and a folder is there. The command line accepts a folder and takes its `main.berth`; a `use`
names one file.

Name the file.",
        "use \"./folder\" as inventory",
        "use \"./platform.berth\" as inventory",
    ),
    code(
        "file::not-utf8",
        "bytes that are no text",
        "\
Plan files are UTF-8. At this place stands a byte that begins no character of it; often the file was saved in an
older encoding, or is no text at all.

Save it as UTF-8. The rest of the file was read, with a mark in place of the odd bytes.",
        "use \"./latin.berth\" as inventory",
        "use \"./platform.berth\" as inventory",
    ),
    code(
        "file::too-large",
        "more bytes than a plan file has",
        "\
Plan files of more than 64 MiB are not read. What makes a file that large is data: arrivals, prices, measurements.

Data stays in files of its own, which the plan file names: `trace(\"arrivals.csv\")`.",
        "use \"./huge.berth\" as inventory",
        "use \"./platform.berth\" as inventory",
    ),
    code(
        "file::unreadable",
        "a file that cannot be read",
        "\
The file is there and the system refused to read it. Its own words stand in the message.

Look at the permissions of the file and at the disk.",
        "use \"./locked.berth\" as inventory",
        "use \"./platform.berth\" as inventory",
    ),
    code(
        "use::cycle",
        "a file that uses itself",
        "\
Following `use` from this file leads back to it. Files could then never be read to their end.

Move what both files need into a third, and use that from both.",
        "use \"./circle.berth\" as other",
        "use \"./platform.berth\" as other",
    ),
    code(
        "use::missing-file",
        "a file that is not there",
        "\
Paths are relative to the file in which the `use` stands, not to the folder in which the program was started.",
        "use \"./plattform.berth\" as house",
        "use \"./platform.berth\" as house",
    ),
    code(
        "use::too-many",
        "files that use files too often",
        "\
At most 64 files may use one another in a row, and a program has at most 1,000 modules. A `use` with a body counts as a
module of its own, so bodies multiply.

Use a file once, without a body, and derive from what it declares.",
        "",
        "",
    ),
    code(
        "use::unknown-catalog",
        "a part of the catalog that does not exist",
        "\
`use catalog.NAME` reads a file that ships with the program; `berth catalog` lists them. A file of your own is named by
a text.",
        "use catalog.nvidea as nv",
        "use catalog.nvidia as nv",
    ),
    code(
        "syntax::unexpected",
        "a line of no known form",
        "\
A line is a thing (`kind name { … }`), a fact (`name = value`), a requirement (`name <= value`), a wish (`prefer …`), or one
of `use`, `param`, `let` and `if`. This one is none of them. The lines around it were read.",
        "let a = * 2",
        "let a = 2",
    ),
    code(
        "syntax::chained-comparison",
        "two comparisons in a row",
        "\
Comparisons do not chain: `2 <= replicas <= 6` would compare a truth with six. A range says the same.",
        "\
policy few {
    1 <= 2 <= 3
}",
        "\
policy few {
    2 in 1..3
}",
    ),
    code(
        "syntax::unclosed-bracket",
        "a bracket that stays open",
        "\
The bracket named has no partner. A brace also ends brackets that were left open before it.",
        "\
node box {
    cpu = 8 core",
        "\
node box {
    cpu = 8 core
}",
    ),
    code(
        "syntax::unopened-bracket",
        "a bracket that closes nothing",
        "\
This closes a bracket that was never opened, or one that is closed already.",
        "\
node box {
    cpu = 8 core
}
}",
        "\
node box {
    cpu = 8 core
}",
    ),
    code(
        "syntax::unclosed-string",
        "a text that does not end",
        "\
A text ends with a quote on the same line.",
        "let name = \"shop",
        "let name = \"shop\"",
    ),
    code(
        "syntax::unknown-escape",
        "a backslash before something else",
        "\
In a text `\\\"` is a quote and `\\\\` a backslash. Nothing else follows a backslash.",
        "let name = \"a\\qb\"",
        "let name = \"a\\\\qb\"",
    ),
    code(
        "syntax::too-deep",
        "brackets in brackets in brackets",
        "\
Brackets, `if` and quantifiers nest at most 200 deep, and one expression has at most 250 operators, one over the other.

Name a part of it with `let`.",
        "",
        "",
    ),
    code(
        "syntax::number-too-large",
        "a number beyond all measure",
        "\
No quantity of a plan has hundreds of digits. Check the exponent.",
        "let a = 1e999",
        "let a = 1e9",
    ),
    code(
        "syntax::two-statements",
        "two statements on one line",
        "\
One line holds one statement. Inside brackets, and after an operator, an `=` or a `:`, a line continues.",
        "\
node box {
    cpu = 8 core memory = 32GiB
}",
        "\
node box {
    cpu = 8 core
    memory = 32GiB
}",
    ),
    code(
        "syntax::missing-body",
        "a block without a body",
        "\
Only a block that derives from another may have no body: `node spare : server`. This one would say nothing.",
        "node box",
        "\
node box {
    cpu = 8 core
}",
    ),
];
