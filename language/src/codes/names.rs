//! Codes of names, keys, derivation, params and services.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "name::unknown",
        "a name that nothing has",
        "\
A bare name is a key or a quantifier's variable, a param, a let, an import or a block of this file, or a field of the
block it stands in. What another file declares is reached through its import: `nv.h100_sxm`.",
        "let price = tarif",
        "\
let tariff = $2/h
let price = tariff",
    ),
    code(
        "name::unknown-field",
        "a field that this kind does not have",
        "\
Every kind has its fields; what a kind states, decides and promises is listed in the message. `labels` on a node take
anything.",
        "\
node box {
    cpus = 8 core
}",
        "\
node box {
    cpu = 8 core
}",
    ),
    code(
        "name::unknown-function",
        "a function that does not exist",
        "\
Values may call functions of the language: `lognormal(…)`, `diurnal(…)`, `nvlink(…)`. There are no functions of one's
own; `let` names a value.",
        "let load = diurnall(peak = 3 req/s, trough = 1 req/s, peak_at = 20h)",
        "let load = diurnal(peak = 3 req/s, trough = 1 req/s, peak_at = 20h)",
    ),
    code(
        "name::unknown-key",
        "a key that nothing has",
        "\
`box[4]` names the thing with key 4. Either no block has this key, or a key is missing where things of one name are told
apart by keys, or one is written where they are not.",
        "\
node box[1..3] {
    cpu = 8 core
}
policy large {
    box[4].cpu >= 4 core
}",
        "\
node box[1..3] {
    cpu = 8 core
}
policy large {
    box[3].cpu >= 4 core
}",
    ),
    code(
        "name::unknown-kind",
        "a kind that does not exist",
        "\
The first word of a block is its kind. The kinds are fixed; things of one kind share what they have by deriving from an
`abstract` block.",
        "\
server box {
    cpu = 8 core
}",
        "\
node box {
    cpu = 8 core
}",
    ),
    code(
        "name::unknown-symbol",
        "a name that a field does not know",
        "\
Some fields take one of a few names, as `market` and `engine` do. The message lists them.",
        "\
node box {
    cpu = 8 core
    market = rented
}",
        "\
node box {
    cpu = 8 core
    market = on_demand
}",
    ),
    code(
        "name::unknown-type",
        "a type that does not exist",
        "\
A param has a type: `Bool`, `Text`, `Integer`, or what it measures, as `Power`, `Rate`, `Ratio`, and quotients of these:
`Money/Time`.",
        "param growth: Percent = 100%",
        "param growth: Ratio = 100%",
    ),
    code(
        "name::duplicate",
        "two things of one name",
        "\
A name stands for one thing: within a file, within a block, and for nodes and services within the whole program, because
plans and messages name them by their address. Blocks may repeat a name where their keys differ.",
        "\
node box[1..3] {
    cpu = 8 core
}
node box[3] {
    cpu = 4 core
}",
        "\
node box[1..2] {
    cpu = 8 core
}
node box[3] {
    cpu = 4 core
}",
    ),
    code(
        "name::ambiguous",
        "a name that means two things",
        "\
A bare name in a block is a field of that block or a declaration of the file. Where both exist neither wins: nothing
shadows. Rename the declaration.",
        "\
let memory = 4GiB
service shop {
    image = \"example/shop\"
    cpu = 1 core
    memory = memory
}",
        "\
let small = 4GiB
service shop {
    image = \"example/shop\"
    cpu = 1 core
    memory = small
}",
    ),
    code(
        "name::abstract",
        "an abstract thing is used",
        "\
`abstract` blocks are only derived from. They are never planned, counted or lost, so nothing can refer to one.",
        "\
abstract node small {
    cpu = 8 core
}
policy size {
    small.cpu >= 4 core
}",
        "\
abstract node small {
    cpu = 8 core
}
node box : small
policy size {
    box.cpu >= 4 core
}",
    ),
    code(
        "name::misplaced",
        "a line in the wrong place",
        "\
`use`, `param` and `let` stand at the top of a file, facts and requirements in the block they speak of, and some kinds of
blocks only inside others. A `scenario` asks for nothing itself: what must hold there says so with `when`.",
        "\
node box {
    let small = 2 core
    cpu = 2 core
}",
        "\
let small = 2 core
node box {
    cpu = small
}",
    ),
    code(
        "name::missing",
        "a thing without a name",
        "\
Plans and messages refer to things by name. Only a `plan`, and blocks that stand once within another, need none.",
        "\
node {
    cpu = 8 core
}",
        "\
node box {
    cpu = 8 core
}",
    ),
    code(
        "name::too-early",
        "a thing that is not there yet",
        "\
Files are read, params bound, `if` chosen, keys expanded and blocks derived before any fact is computed. A condition or a
key that reads the thing it shapes would have to know what it decides.",
        "\
service shop {
    image = \"example/shop\"
    if shop.priority > 2 {
        cpu = 2 core
    }
}",
        "\
param large: Bool = true
service shop {
    image = \"example/shop\"
    if large {
        cpu = 2 core
    }
}",
    ),
    code(
        "name::elsewhere",
        "a fact of something else",
        "\
Left of `=` stands a field of the block. To change what another block states, derive from it or make it a `param`; a
`test` may set full paths, because it describes another world.",
        "\
node box {
    cpu = 8 core
}
service shop {
    image = \"example/shop\"
    box.cpu = 4 core
}",
        "\
node box {
    cpu = 4 core
}
service shop {
    image = \"example/shop\"
}",
    ),
    code(
        "keys::duplicate",
        "a key that stands twice",
        "\
Each key names one thing, and each entry of a map has a key of its own.",
        "\
node box[1..3, 2] {
    cpu = 8 core
}",
        "\
node box[1..3] {
    cpu = 8 core
}",
    ),
    code(
        "keys::empty",
        "a range that ends before it begins",
        "\
`1..6` counts up and includes both ends.",
        "\
node box[6..1] {
    cpu = 8 core
}",
        "\
node box[1..6] {
    cpu = 8 core
}",
    ),
    code(
        "keys::type",
        "something that cannot be a key",
        "\
Keys are whole numbers, names, texts, and ranges or lists of them.",
        "\
node box[1.5] {
    cpu = 8 core
}",
        "\
node box[15] {
    cpu = 8 core
}",
    ),
    code(
        "keys::too-many",
        "more things than a program can hold",
        "\
A program has at most 250,000 things once keys are expanded, and its quantifiers look at as many members at most.",
        "\
node box[1..1_000_000_000] {
    cpu = 8 core
}",
        "\
node box[1..10] {
    cpu = 8 core
}",
    ),
    code(
        "derive::cycle",
        "a block that derives from itself",
        "\
Following `:` from this block leads back to it. What it states would never be known.",
        "\
abstract node a : b
abstract node b : a",
        "\
abstract node a {
    cpu = 8 core
}
abstract node b : a",
    ),
    code(
        "derive::kind",
        "a base of another kind",
        "\
A block derives from a block of its own kind.",
        "\
service shop {
    image = \"example/shop\"
}
node box : shop",
        "\
abstract node small {
    cpu = 8 core
}
node box : small",
    ),
    code(
        "derive::many",
        "a block with several bases",
        "\
Derivation is single: the base is one thing, with one key where it has keys.",
        "\
abstract node small[1..2] {
    cpu = 8 core
}
node box : small[1, 2]",
        "\
abstract node small[1..2] {
    cpu = 8 core
}
node box : small[1]",
    ),
    code(
        "derive::implied",
        "a line that a base already implies",
        "\
Values override, requirements accumulate: a deriving block may tighten a promise and never loosen it. This line asks for no
more than what a base asks for, so it changes nothing. Often it was meant to loosen; what should vary is a `param`.",
        "\
abstract service quick {
    latency p99 < 100ms
}
service shop : quick {
    image = \"example/shop\"
    latency p99 < 200ms
}",
        "\
abstract service quick {
    latency p99 < 100ms
}
service shop : quick {
    image = \"example/shop\"
    latency p99 < 50ms
}",
    ),
    code(
        "param::unset",
        "a param without a value",
        "\
A param without a default must be set by whoever uses the file: in the body of its `use`, or on the command line for the
root file.",
        "param growth: Ratio",
        "param growth: Ratio = 100%",
    ),
    code(
        "param::unknown",
        "a param that the file used does not have",
        "\
The body of a `use` sets params of that file and nothing else. To change what its blocks state, derive from them.",
        "\
use \"./platform.berth\" as house {
    feeds = 2MW
}",
        "\
use \"./platform.berth\" as house {
    feed = 2MW
}",
    ),
    code(
        "param::condition",
        "a param outside what it may be",
        "\
The condition after `where` holds for every value that a param is given, its default included.",
        "param growth: Ratio = 0% where growth > 0%",
        "param growth: Ratio = 100% where growth > 0%",
    ),
    code(
        "service::no-work",
        "a service that runs nothing",
        "\
A service runs a model behind an engine (`model`, `engine`) or a container (`image`). A pod of a trace may state its size
alone: `cpu`, `memory`, `devices`.",
        "\
service shop {
    priority = 10
}",
        "\
service shop {
    image = \"example/shop\"
    priority = 10
}",
    ),
    code(
        "service::two-works",
        "a service that runs two things",
        "\
A service runs a model or a container. Beside a model, a container is that of its engine, and the engine is named.",
        "\
use catalog.models as models
service chat {
    model = models.llama_3_1_8b_instruct
    image = \"example/chat\"
}",
        "\
use catalog.models as models
service chat {
    model = models.llama_3_1_8b_instruct
    engine = vllm
}",
    ),
    code(
        "service::two-objects",
        "a service that is filled into two objects",
        "\
`adopt` takes over what a plan decides of an object that runs already. `template` fills the same into a manifest of yours, of
which the plan then makes an object of its own. A service is one of the two.",
        "\
service shop {
    cpu = 1 core
    memory = 1GiB
    template = \"shop.yaml\"
    adopt = deployment(\"prod/shop\")
}",
        "\
service shop {
    cpu = 1 core
    memory = 1GiB
    adopt = deployment(\"prod/shop\")
}",
    ),
    code(
        "service::two-speeds",
        "a container whose speed is stated twice",
        "\
`serves` is the rate of one replica, and its service times are taken as exponential. `time` gives the times themselves and
`concurrency` how many requests run side by side, which says more. A service states one or the other.",
        "\
service shop {
    image = \"example/shop\"
    serves = 12 req/s
    time = lognormal(p50 = 18ms, p99 = 70ms)
}",
        "\
service shop {
    image = \"example/shop\"
    time = lognormal(p50 = 18ms, p99 = 70ms)
    concurrency = 4
}",
    ),
    code(
        "service::not-a-model",
        "a line for model servers on a container",
        "\
Tokens, their times and the layout over devices mean something for a service that runs a model. A container promises
`latency`, and its size is `cpu`, `memory`, `devices` and `share`.",
        "\
service shop {
    image = \"example/shop\"
    ttft p99 < 1s
}",
        "\
service shop {
    image = \"example/shop\"
    latency p99 < 1s
}",
    ),
    code(
        "service::no-vision",
        "images for a model that does not see",
        "\
`images` and `image_size` say what a request brings beside its `prompt`. A model turns them into tokens of the prompt with
a vision part, which it states as `vision` or whose `config.json` has it. This model has none, so nothing could be
said of what an image costs.",
        "\
model small {
    layers = 2
}
service chat {
    model = small
    engine = vllm
    images = 1 image
}",
        "\
model small {
    layers = 2
    vision = [layers: 2, hidden: 64, heads: 4, feed_forward: 128, patch: 14]
}
service chat {
    model = small
    engine = vllm
    images = 1 image
    image_size = 448 * 448
}",
    ),
    code(
        "service::no-diffusion",
        "steps for a model that makes no images",
        "\
`denoising_steps` and `guidance` say how often a diffusion transformer is run for an image: once a step, or twice where each
step is guided. A model states it as `diffusion`, or its `config.json` has it. This model has none.",
        "\
model small {
    layers = 2
}
service chat {
    model = small
    engine = vllm
    denoising_steps = 28
}",
        "\
model small {
    diffusion = [layers: 2, hidden: 64, heads: 4, feed_forward: 256, channels: 4, patch: 2]
}
service paint {
    model = small
    engine = vllm
    images = 1 image
    image_size = 448 * 448
    denoising_steps = 28
    guidance = true
}",
    ),
    code(
        "service::no-experts",
        "experts of a model that has none",
        "\
`expert_load` says how much is asked of each expert, and `redundant_experts` how many have copies. Both are of models
whose layers have `experts`, of which some read each token. This model has a single feed-forward in every layer.",
        "\
use catalog.models as models
service chat {
    model = models.llama_3_1_8b_instruct
    expert_load = zipf(1.0)
}",
        "\
use catalog.models as models
service chat {
    model = models.mixtral_8x7b_instruct
    expert_load = zipf(1.0)
}",
    ),
    code(
        "service::other-experts",
        "loads of the experts of another model",
        "\
A file of loads has a row for each layer with experts and each of its experts: `layer,expert,load`. Layers may be numbered
in any way, as long as there are as many of them as the model has; experts are numbered from 0. Without a column `layer`
all layers are alike. This file is of a model with other layers, or with more experts.",
        "",
        "",
    ),
    code(
        "service::no-prediction",
        "guesses of a model that makes none",
        "\
`acceptance` says how often a token that was guessed ahead is kept. What guesses is a part of the model, one layer and a
projection for each token, of which it says as `prediction_modules` how many it has, or its `config.json` does. This model
has none.",
        "\
use catalog.models as models
service chat {
    model = models.llama_3_1_8b_instruct
    acceptance = 80%
}",
        "\
use catalog.models as models
service chat {
    model = models.deepseek_v3
    acceptance = 80%
}",
    ),
    code(
        "service::no-decode",
        "a time a token of a model that does not decode",
        "\
`tpot` is the time of each token after the first. An encoder, an exported module and a model that makes images answer a
request at once, so that there is nothing of which it could be the time: the promise would always hold, and say nothing.",
        "\
use catalog.models as models
service embed {
    model = models.bge_m3
    tpot p99 < 50ms
}",
        "\
use catalog.models as models
service embed {
    model = models.bge_m3
    latency p99 < 50ms
}",
    ),
    code(
        "service::not-stored",
        "a format of something that the model does not store",
        "\
`weights` and `kv_cache` say what matrices, keys and values are held as. An encoder caches nothing, `mxfp4` is a format of
the matrices of experts alone, and an exported module says in its types what its weights are.",
        "\
use catalog.models as models
service embed {
    model = models.bge_m3
    kv_cache = fp8
}",
        "\
use catalog.models as models
service embed {
    model = models.bge_m3
}",
    ),
    code(
        "plan::steps",
        "a horizon that is no whole number of steps",
        "\
The horizon (a day where nothing is said) is cut into steps (an hour). There is at least one, there are at most 8,784, and
they fill the horizon.",
        "\
service shop {
    image = \"example/shop\"
}
plan week {
    horizon = 7d
    step = 5h
}",
        "\
service shop {
    image = \"example/shop\"
}
plan week {
    horizon = 7d
    step = 6h
}",
    ),
];
