//! Codes of syntax.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "syntax::unexpected",
        "a line of no known form",
        "\
A line is a thing (`kind name { … }`), a fact (`name = value`), a requirement (`name <= value`), a wish (`prefer …`), or one
of `use`, `param`, `let` and `if`. This one is none of them. The lines around it were read.",
        "* 2",
        "let double = 2",
    ),
    code(
        "syntax::chained-comparison",
        "two comparisons in a row",
        "\
Comparisons do not chain: `2 <= replicas <= 6` would compare a truth with six. A range says the same: `replicas in 2..6`.",
        "\
service shop {
    image = \"example/shop\"
    2 <= replicas <= 6
}",
        "\
service shop {
    image = \"example/shop\"
    replicas in 2..6
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
        "This closes a bracket that was never opened, or one that is closed already.",
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
        "syntax::mismatched-bracket",
        "a bracket closed by another kind",
        "Each bracket is closed by its own kind: `( )`, `[ ]`, `{ }`.",
        "let sizes = [1, 2)",
        "let sizes = [1, 2]",
    ),
    code(
        "syntax::unclosed-string",
        "a text that does not end",
        "A text ends with a quote on the same line. A quote inside is written `\\\"`.",
        "let name = \"shop",
        "let name = \"shop\"",
    ),
    code(
        "syntax::unknown-escape",
        "a backslash before something else",
        "\
In a text `\\\"` is a quote, `\\\\` a backslash, `\\n` a new line and `\\t` a tab. Nothing else follows a backslash.",
        "let name = \"a\\qb\"",
        "let name = \"a\\\\qb\"",
    ),
    code(
        "syntax::too-deep",
        "brackets in brackets in brackets",
        "\
Brackets, `if` and quantifiers nest at most 200 deep, and an expression has at most 250 operators one over the other.

Name a part of it with `let`.",
        "",
        "",
    ),
    code(
        "syntax::number-too-large",
        "a number beyond all measure",
        "No quantity of a plan has hundreds of digits. Check the exponent, or choose a larger unit.",
        "let a = 1e99999",
        "let a = 1e9",
    ),
    code(
        "syntax::malformed-number",
        "a number that is not written as one",
        "\
Digits may be grouped by `_` and have decimals after a point; a unit of letters attaches to its number, a currency stands
before it.",
        "let price = 2$",
        "let price = $2",
    ),
    code(
        "syntax::two-statements",
        "two statements on one line",
        "One line holds one statement. Inside brackets, and after an operator, a line continues.",
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
    code(
        "syntax::body-without-head",
        "a body that belongs to nothing",
        "A body in braces follows a kind and a name on the same line.",
        "\
{
    cpu = 8 core
}",
        "\
node box {
    cpu = 8 core
}",
    ),
    code(
        "syntax::brace-below-head",
        "a brace on a line of its own",
        "\
Newlines end statements, so the `{` of a block stands at the end of the line that names it.",
        "\
node box
{
    cpu = 8 core
}",
        "\
node box {
    cpu = 8 core
}",
    ),
    code(
        "syntax::body-after-equals",
        "braces where a value is set",
        "Braces hold the lines of a block. A list or a map stands in square brackets.",
        "\
node box {
    labels = { tier: 1 }
}",
        "\
node box {
    labels = [tier: 1]
}",
    ),
    code(
        "syntax::blank-before-bracket",
        "a blank before a bracket",
        "\
An index, a call and a field attach to their name: `box[1]`, `spread(node)`, `box.cpu`. With a blank between them they would
be two things.",
        "let load = lognormal (p50 = 1 tok, p99 = 2 tok)",
        "let load = lognormal(p50 = 1 tok, p99 = 2 tok)",
    ),
    code(
        "syntax::unspaced-division",
        "a division without spaces",
        "An attached `/unit` belongs to a number: `$2/h`. A division takes spaces on both sides.",
        "\
let whole = 8
let half = whole/2",
        "\
let whole = 8
let half = whole / 2",
    ),
    code(
        "syntax::missing-comma",
        "a comma is missing",
        "Entries of lists, keys and arguments are parted by commas.",
        "let sizes = [1 2]",
        "let sizes = [1, 2]",
    ),
    code(
        "syntax::missing-value",
        "a value is missing",
        "\
After `=`, an operator or a comma a value follows, on the same line unless an operator dangles.",
        "let a = ",
        "let a = 2",
    ),
    code(
        "syntax::missing-name",
        "a name is missing",
        "A name is a letter or `_`, then letters, digits and `_`.",
        "use catalog.nvidia as",
        "use catalog.nvidia as nv",
    ),
    code(
        "syntax::missing-word",
        "a word in the middle of a form is missing",
        "\
`if c then a else b` has its three words, a quantifier its `in` and its colon: `all x in xs: e`.",
        "let a = if true 1 else 2",
        "let a = if true then 1 else 2",
    ),
    code(
        "syntax::reserved-word",
        "a reserved word as a name",
        "\
Reserved are use, as, param, let, abstract, if, then, else, prefer, when, where, in, and, or, not, true and false.",
        "let where = 2",
        "let place = 2",
    ),
    code(
        "syntax::incomplete-declaration",
        "a declaration without one of its parts",
        "`use` names what is imported, a `param` has a type, a `let` a value.",
        "param growth = 100%",
        "param growth: Ratio = 100%",
    ),
    code(
        "syntax::else-without-if",
        "an `else` without its `if`",
        "`else` stands behind the brace that ends the body of its `if`: `} else {`.",
        "\
node box {
    cpu = 8 core
}
else {
}",
        "\
node box {
    cpu = 8 core
}",
    ),
    code(
        "syntax::set-or-compare",
        "`=` and `==` exchanged",
        "`=` says what is: it sets a field. `==` compares, and what must hold of a prediction is bounded with `<=` or `>=`.",
        "\
service shop {
    image = \"example/shop\"
    latency p99 = 120ms
}",
        "\
service shop {
    image = \"example/shop\"
    latency p99 <= 120ms
}",
    ),
    code(
        "syntax::unknown-character",
        "a character that no statement has",
        "\
Statements are made of letters, digits, brackets and a few marks. Texts and comments hold any character.",
        "let a = 2;",
        "let a = 2",
    ),
    code(
        "syntax::unknown-operator",
        "an operator of another language",
        "\
There are `+ - * /`, the comparisons `== != < <= > >= in`, `and`, `or`, `not`, ranges with `..`, and `->` and `&` for flows.",
        "let a = true && false",
        "let a = true and false",
    ),
    code(
        "syntax::unknown-word",
        "a word that the language does not have",
        "The line starts with a word, or has one in the middle, that is almost one of the language.",
        "lett a = 2",
        "let a = 2",
    ),
];
