//! Codes of units, values, roles, facts and statistics.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "units::unknown",
        "a unit that does not exist",
        "\
Units attach to their number (`34kW`, `900GB/s`), count nouns take one blank (`12 req/s`). `GB` is 10^9 bytes and `GiB`
2^30. There is no `Gb`, because it is read both ways: write `Gbit` or `GB`. A bare `m` or `k` does not exist either.",
        "\
node box {
    network = 10Gb/s
}",
        "\
node box {
    network = 10Gbit/s
}",
    ),
    code(
        "units::mismatch",
        "two things that do not measure the same",
        "\
Quantities have dimensions. What is added, compared or stated must measure the same thing: a limit on power is a rate, an
amount of energy is not; money is compared with money, and a rate of money with a rate.",
        "\
device big {
    nameplate = 700Wh
}
node box {
    devices = 1 * big
}",
        "\
device big {
    nameplate = 700W
}
node box {
    devices = 1 * big
}",
    ),
    code(
        "units::mixed-currencies",
        "two currencies in one program",
        "\
Currencies are dimensions of their own and there is no rate between them that stays true. Write every price in one
currency, multiplied by a rate that you state.",
        "\
node a {
    price = $2/h
}
node b {
    price = €2/h
}",
        "\
let dollars_per_euro = 1.08
node a {
    price = $2/h
}
node b {
    price = dollars_per_euro * $2/h
}",
    ),
    code(
        "units::division-by-zero",
        "a division by zero",
        "\
The value below the line is zero. With a param that may be zero, guard the line: `if part > 0 { … }`.",
        "\
param part: Ratio = 0
let whole = 3 / part",
        "\
param part: Ratio = 50%
let whole = 3 / part",
    ),
    code(
        "units::too-large",
        "a number beyond all measure",
        "\
Values are exact fractions. One that needs more than 512 bits is a slip of the exponent, or a computation that has run
away.",
        "\
let a = 1e30 * 1e30 * 1e30
let b = a * a",
        "let a = 1e9 * 1e9",
    ),
    code(
        "value::type",
        "a value of another form",
        "\
A field takes values of one form: a quantity, a text, a name, a thing, a list. The message says which, and what stands
there instead.",
        "\
service shop {
    image = 3
}",
        "\
service shop {
    image = \"example/shop:3\"
}",
    ),
    code(
        "value::out-of-range",
        "a value outside its limits",
        "\
Some fields have limits in themselves: a share is above 0 % and at most 100 %, a count is whole, a price is not below
zero.",
        "\
service shop {
    cpu = 1 core
    share = 140%
}",
        "\
service shop {
    cpu = 1 core
    share = 40%
}",
    ),
    code(
        "value::arguments",
        "a function called with other arguments",
        "\
Functions have named arguments. The message shows all of them.",
        "let length = lognormal(p50 = 900 tok)",
        "let length = lognormal(p50 = 900 tok, p99 = 6_000 tok)",
    ),
    code(
        "value::empty",
        "an empty list of what is allowed",
        "\
`in []` leaves nothing to choose. Leave the line out where anything is allowed.",
        "\
service shop {
    image = \"example/shop\"
    replicas in []
}",
        "\
service shop {
    image = \"example/shop\"
    replicas in [1, 2]
}",
    ),
    code(
        "value::not-a-condition",
        "something that is neither true nor false",
        "\
A requirement, a guard and an `if` need a condition. `name = value` states, `name <= value` requires; a name alone does
neither.",
        "\
service shop {
    image = \"example/shop\"
    replicas
}",
        "\
service shop {
    image = \"example/shop\"
    replicas >= 1
}",
    ),
    code(
        "role::pinned-measure",
        "a prediction that is set",
        "\
The schema marks every field as a fact (given), a choice (decided, unless pinned with `=`) or a measure (predicted). A
measure follows from everything else, so it can be promised and never set.",
        "\
service shop {
    image = \"example/shop\"
    latency = 120ms
}",
        "\
service shop {
    image = \"example/shop\"
    latency p99 < 120ms
}",
    ),
    code(
        "role::requirement-on-fact",
        "a requirement on something given",
        "\
`=` says what is, a comparison says what must be. A fact of this block is given, so there is nothing that the planner
could choose to make a comparison true. To check facts against one another, compare them in a `policy`; it is evaluated
at once.",
        "\
service shop {
    image = \"example/shop\"
    cpu >= 2 core
}",
        "\
service shop {
    image = \"example/shop\"
    cpu = 2 core
}",
    ),
    code(
        "role::equal-measure",
        "a prediction that should be exactly something",
        "\
Predictions are compared with `<=`, `<`, `>=` and `>`. Equality is for what is counted: `replicas`, `spread`.",
        "\
service shop {
    image = \"example/shop\"
    latency p99 == 120ms
}",
        "\
service shop {
    image = \"example/shop\"
    latency p99 <= 120ms
}",
    ),
    code(
        "role::not-a-fact",
        "a fact that leans on a decision",
        "\
Facts are computed before anything is decided, from other facts only. A value that depends on what the planner chooses is
said as a requirement.",
        "\
service shop {
    image = \"example/shop\"
    cpu = 2 * search.replicas * 1 core
}
service search {
    image = \"example/search\"
}",
        "\
service shop {
    image = \"example/shop\"
    cpu = 2 core
}
service search {
    image = \"example/search\"
}",
    ),
    code(
        "fact::cycle",
        "a value that is computed from itself",
        "\
Facts, params and lets compute from one another, in any order, but never in a circle.",
        "\
let a = b + 1
let b = a - 1",
        "\
let a = b + 1
let b = 1",
    ),
    code(
        "fact::unset",
        "a fact that nobody states",
        "\
There is no null. A fact that is read must be stated, in the block or in what it derives from, or have a default in the
schema.",
        "\
service shop {
    image = \"example/shop\"
}
policy size {
    shop.cpu <= 4 core
}",
        "\
service shop {
    image = \"example/shop\"
    cpu = 2 core
}
policy size {
    shop.cpu <= 4 core
}",
    ),
    code(
        "fact::violated",
        "facts that contradict a requirement",
        "\
A requirement over facts alone is evaluated at once. No plan can change facts, so this one can never hold.",
        "\
service shop {
    image = \"example/shop\"
    cpu = 8 core
}
policy size {
    shop.cpu <= 4 core
}",
        "\
service shop {
    image = \"example/shop\"
    cpu = 4 core
}
policy size {
    shop.cpu <= 4 core
}",
    ),
    code(
        "statistic::missing",
        "a distribution without a statistic",
        "\
Latencies differ from request to request and power from reading to reading. A limit on them says which figure it means:
`p50`, `p99`, `p99.9`, `mean` or `peak`.",
        "\
service shop {
    image = \"example/shop\"
    latency < 120ms
}",
        "\
service shop {
    image = \"example/shop\"
    latency p99 < 120ms
}",
    ),
    code(
        "statistic::of-constant",
        "a statistic of a single figure",
        "\
`replicas`, `bill` and plain facts are one figure. A percentile speaks of many.",
        "\
service shop {
    image = \"example/shop\"
    replicas p99 >= 2
}",
        "\
service shop {
    image = \"example/shop\"
    replicas >= 2
}",
    ),
    code(
        "statistic::out-of-range",
        "a percentile that does not exist",
        "\
Percentiles lie between 0 and 100, without the ends. The largest modelled value is `peak`.",
        "\
service shop {
    image = \"example/shop\"
    latency p100 < 1s
}",
        "\
service shop {
    image = \"example/shop\"
    latency peak < 1s
}",
    ),
    code(
        "statistic::of-arrivals",
        "a figure of arrivals",
        "\
Arrivals are a rate in each step and a spacing, not a sample: `p99` of them could mean the rate in a busy step or the time
between two requests. Name the profile of their rate and read its figure, or scale the arrivals themselves.",
        "\
service shop {
    image = \"example/shop\"
    demand = poisson(40 req/s)
}
let busy = shop.demand peak",
        "\
let evening = diurnal(peak = 40 req/s, trough = 4 req/s, peak_at = 20h)
let busy = evening peak
service shop {
    image = \"example/shop\"
    demand = evening
}",
    ),
    code(
        "statistic::unbounded",
        "a largest value that does not exist",
        "\
`peak` is the largest value in the model. Lognormal, gamma, normal and Weibull draws have none: however large a value, some
draw exceeds it. Ask for a percentile, or state the values themselves with `histogram` or `empirical`.",
        "\
let length = lognormal(p50 = 900 tok, p99 = 6_000 tok)
let most = length peak",
        "\
let length = lognormal(p50 = 900 tok, p99 = 6_000 tok)
let most = length p99.9",
    ),
    code(
        "value::mixed-kinds",
        "draws, profiles and arrivals in one sum",
        "\
Three kinds of value vary. Draws are one sample a request, a profile has one value a step, arrivals are a rate in each
step and a spacing. Draws are added to draws (independently), profiles to profiles (step by step), arrivals to arrivals
(both arrive). A plain quantity counts as what it stands beside, a profile of rates beside arrivals as Poisson ones. To mix them, read a figure of one: `p99`, `mean`, `peak`.",
        "\
let evening = diurnal(peak = 40 tok, trough = 4 tok, peak_at = 20h)
let both = evening + lognormal(p50 = 9 tok, p99 = 60 tok)",
        "\
let evening = diurnal(peak = 40 tok, trough = 4 tok, peak_at = 20h)
let length = lognormal(p50 = 9 tok, p99 = 60 tok)
let both = evening + length mean",
    ),
    code(
        "time::unknown-zone",
        "a time zone that does not exist",
        "\
Zones have the names of the time zone database, a region and a city: `Europe/Amsterdam`. The database ships with the
program; the machine's own zone is never read.",
        "\
plan web {
    start = date(\"2026-11-02\", zone = \"Europe/Amsterdm\")
}",
        "\
plan web {
    start = date(\"2026-11-02\", zone = \"Europe/Amsterdam\")
}",
    ),
    code(
        "data::missing",
        "a data file that is not there",
        "\
Paths of data files are relative to the plan file that names them.",
        "",
        "",
    ),
    code(
        "data::unreadable",
        "a data file that cannot be read",
        "\
The name leads to a folder, to a file that you may not read, or to one that is too large. The message says which.",
        "",
        "",
    ),
    code(
        "data::content",
        "a data file that holds something else",
        "\
A file of requests has a column of times and, where lengths are read from it, columns of tokens; a file of readings has a
column of times and one whose head is its unit: `time,g/kWh`. Times stand in order. A file of what is asked of experts has
the columns `expert` and `load`, and perhaps `layer`. The message says which line or column
of the file is at odds with that, and what to do.",
        "",
        "",
    ),
    code(
        "data::empty",
        "a data file with nothing in it",
        "\
A file without requests says nothing about arrivals, and one without readings nothing about a price.",
        "",
        "",
    ),
    code(
        "data::column",
        "draws from a column that is not said or not there",
        "\
`empirical` reads the column of the field that it states, `prompt` or `output`. Anywhere else, and in a `let`, the column is
said: `empirical(trace(\"requests.csv\"), column = output)`. A file of arrival times alone has neither.",
        "",
        "",
    ),
    code(
        "limit::too-many-draws",
        "too many draws in one sum",
        "\
The figures of a sum of draws are those of its convolution, which costs time for every term. A sum has at most 64 of them.",
        "",
        "",
    ),
    code(
        "limit::too-deep",
        "values that lean on values too deep",
        "\
Expressions, lets, facts and bases may lead to one another over at most 160 steps.",
        "",
        "",
    ),
];
