//! The table of kinds and fields.

use super::Default::{Boolean as IsBoolean, Number, Symbol as IsSymbol, Unset};
use super::Limits::{Any, AtLeastOne, NotNegative, Part, Positive, Share};
use super::Role::{Choice, Fact, Measure, Sampled};
use super::Support::{Acted, Describes, NotYet};
use super::Type::{
    Actuator, Amount, Architecture, Boolean, ByPrecision, Calibration, Checkpoint, Compute, Curve, Dataset,
    Date, Demand, Devices, Draws, Environment, ExpertLoad, Extents, Fabric, Hours, Integer, Labels, Live,
    Moved, Name, Objective, Path, Ports, Probe, Profile, Quantity as Q, Serves, ShareOf, Source, Spread,
    Symbol, Target, Text, Texts, Thing, Things, Volumes, Widths, Windows, Zone,
};
use super::{
    BANDWIDTH, CORES, DATA, EMISSIONS, ENERGY, FREQUENCY, Field, IMAGES, Kind, MASS_PER_ENERGY,
    MONEY_PER_DATA, MONEY_PER_ENERGY, POWER, PRICE, RATE, RATIO, STEPS, TIME, TOKENS,
};

/// Declares kinds. One line a field: `name: role, type, support, default, doc`.
macro_rules! kinds {
    ($(
        #[doc = $doc:literal]
        $kind:ident as $fields:ident in [$($inside:literal),*], $support:expr => {
            $($field:ident: $role:expr, $type:expr, $field_support:expr, $default:expr, $field_doc:literal;)*
        }
    )*) => {
        $(
            #[doc = concat!("The rows of `", stringify!($kind), "`, one a field. Destructure it without `..`.")]
            #[derive(Debug)]
            pub struct $fields {
                $(#[doc = $field_doc] pub $field: &'static Field,)*
            }

            impl $fields {
                /// The rows.
                pub fn rows() -> Self {
                    Self { $($field: &$kind::$field,)* }
                }
            }

            #[doc = concat!("The kind `", stringify!($kind), "` and its rows.")]
            #[allow(non_upper_case_globals)]
            pub mod $kind {
                use super::*;

                $(
                    #[doc = $field_doc]
                    pub static $field: Field = Field {
                        name: stringify!($field),
                        role: $role,
                        type_: $type,
                        support: $field_support,
                        default: $default,
                        doc: $field_doc,
                    };
                )*

                #[doc = $doc]
                pub static KIND: Kind = Kind {
                    name: stringify!($kind),
                    doc: $doc,
                    support: $support,
                    inside: &[$($inside),*],
                    fields: &[$(&$field),*],
                };
            }
        )*

        /// Every kind.
        pub static KINDS: &[&Kind] = &[$(&$kind::KIND),*];
    };
}

const PRECISIONS: &[&str] = &["bf16", "fp8"];
/// What weights are stored as.
const STORED: &[&str] = &["bf16", "fp8", "int8", "int4", "mxfp4", "nvfp4"];
/// What keys and values are cached as.
const CACHED: &[&str] = &["bf16", "fp8", "int8"];
const ENGINES: &[&str] = &["vllm", "sglang", "tensorrt_llm"];
/// What a world can lose, and what work can take away.
const STANDING: &[&str] = &["node", "rack", "row", "site", "link"];
/// What a link can join.
const JOINED: &[&str] = &["site", "row", "rack"];
const MARKETS: &[&str] = &["owned", "reserved", "on_demand", "spot"];
const INTERRUPTIONS: &str = "interruptions are not predicted yet";
const ENERGY_PRICES: &str = "energy is not in the bill yet";
const POWERS: &str = "power is not predicted yet";
const TIERS: &str = "memory tiers are not planned yet";
const BILLS: &str = "only the bill of the whole program is judged yet";
const CARBON: &str = "carbon is not predicted yet";
const ENERGIES: &str = "energy is not predicted yet";
const UP: &str = "availability is not predicted yet";
const LAYOUTS: &str = "of layouts only those of services are planned yet";
/// What copies of weights that learn may hold a part of each, each with what is before it.
const SHARDINGS: &[&str] = &["none", "optimizer", "gradients", "weights"];
const CLOCKS: &str = "clocks and caps are not planned yet";

kinds! {
    /// A class of accelerator. It describes: it is never planned.
    device as DeviceRows in [""], Acted => {
        memory: Fact, Q(&DATA, Positive), Acted, Unset, "Bytes of its own memory.";
        bandwidth: Fact, Q(&BANDWIDTH, Positive), Acted, Unset, "Bytes a second between memory and compute.";
        compute: Fact, Compute, Acted, Unset, "Dense peak rate by precision, FLOP/s.";
        idle: Fact, Q(&POWER, NotNegative), Acted, Unset, "Power with nothing to do, W.";
        nameplate: Fact, Q(&POWER, Positive), Acted, Unset, "Largest power, W.";
        sram: Fact, Q(&DATA, Positive), NotYet(TIERS), Unset, "Bytes on the chip, beside compute.";
        host_memory: Fact, Q(&DATA, Positive), NotYet(TIERS), Unset, "Bytes of host memory that it reaches.";
        resource: Fact, Text, Describes, Unset, "The name under which a target hands it out: `nvidia.com/gpu`, also where nothing is said.";
        calibration: Fact, Calibration, NotYet("calibrations are not read yet"), Unset, "What was measured of its performance.";
        clock: Choice, Q(&FREQUENCY, Positive), NotYet(CLOCKS), Unset, "Clock, Hz.";
        cap: Choice, Q(&POWER, Positive), NotYet(CLOCKS), Unset, "Power limit, W.";
        power: Sampled, Q(&POWER, Any), NotYet(POWERS), Unset, "Its readings, W.";
        source: Fact, Source, Describes, Unset, "Where the facts of this block are from.";
    }
    /// A machine.
    node as NodeRows in ["", "site", "row", "rack"], Acted => {
        devices: Fact, Devices, Acted, Unset, "Its accelerators: `8 * h100_sxm`.";
        fabric: Fact, Fabric, Acted, Unset, "What joins them, bytes a second of one device, both directions.";
        network: Fact, Q(&BANDWIDTH, Positive), Acted, Unset, "Bytes a second to other nodes, one direction.";
        cpu: Fact, Q(&CORES, NotNegative), Acted, Unset, "Cores.";
        memory: Fact, Q(&DATA, NotNegative), Acted, Unset, "Bytes of main memory.";
        pods: Fact, Integer(NotNegative), Acted, Unset, "Replicas that it takes at most, whatever they ask for; any number where nothing is said.";
        overhead: Fact, Q(&POWER, NotNegative), Acted, Unset, "Power of all but the accelerators, W.";
        price: Fact, Profile(&PRICE, NotNegative), Acted, Unset, "Money an hour; where it varies the bill has its mean over the horizon.";
        market: Fact, Symbol(MARKETS), Acted, IsSymbol("owned"), "How it is paid; its place's where it states none.";
        failures: Fact, Q(&FREQUENCY, NotNegative), Acted, Unset, "Failures a time.";
        repair: Fact, Q(&TIME, Positive), Acted, Unset, "Time until it is back.";
        disk: Fact, Q(&DATA, NotNegative), Describes, Unset, "Bytes of local disk.";
        labels: Fact, Labels, Describes, Unset, "Labels for targets.";
        trust: Fact, Labels, Describes, Unset, "What is attested of it: `[tpm]`, `[sev_snp: \"2026-11-01\"]`.";
        zone: Fact, Zone, Describes, Unset, "Time zone of its clock; that of the place around it, else the plan's, where nothing is said.";
        residency: Fact, Name, Describes, Unset, "Whose law holds here; its place's where it states none.";
        taints: Fact, Labels, Acted, Unset, "What keeps services away that do not tolerate it; one without a text has the empty one.";
        interruption: Fact, Q(&FREQUENCY, NotNegative), NotYet(INTERRUPTIONS), Unset, "Interruptions a time; its place's where it states none.";
        notice: Fact, Q(&TIME, NotNegative), NotYet(INTERRUPTIONS), Unset, "Time between notice and interruption; its place's where it states none.";
        energy_price: Fact, Profile(&MONEY_PER_ENERGY, Any), NotYet(ENERGY_PRICES), Unset, "Money for energy; its place's where it states none.";
        filled: Choice, Integer(NotNegative), NotYet("every node counts as filled"), Unset, "How many of the block are filled.";
        power: Sampled, Q(&POWER, Any), NotYet(POWERS), Unset, "Its readings, W.";
        nameplate: Measure, Q(&POWER, Any), Acted, Unset, "Largest power of its hardware, W: that of its devices and its overhead.";
        bill: Measure, Q(&PRICE, Any), NotYet(BILLS), Unset, "Money an hour.";
        memory_free: Measure, Q(&RATIO, Any), NotYet("the free memory of a node is not judged yet"), Unset, "Share of its memory that stays free.";
        hour: Measure, Q(&TIME, Any), Describes, Unset, "Its local clock, in guards: `when hour in 17h..20h`.";
        source: Fact, Source, Describes, Unset, "Where the facts of this block are from.";
    }
    /// The shape of a neural network. It describes: it is never planned.
    model as ModelRows in [""], Acted => {
        architecture: Fact, Architecture, Acted, Unset, "A file that states its shape; lines beside it repeat the file or say what it leaves out.";
        bind: Fact, Extents, Acted, Unset, "What a module's open dimensions are: `arg0_1` is dimension 1 of the entry's argument 0; an extent is a whole number, `sequences` (requests of one call) or `tokens` (of one prompt).";
        inputs: Fact, Integer(Positive), Acted, Number(1), "How many of the last arguments of a module's entry come with a call; the others are weights.";
        layers: Fact, Integer(Positive), Acted, Unset, "Layers.";
        hidden: Fact, Integer(Positive), Acted, Unset, "Width of the residual stream.";
        heads: Fact, Integer(Positive), Acted, Unset, "Query heads.";
        kv_heads: Fact, Integer(Positive), Acted, Unset, "Key and value heads; of an encoder as many as `heads` where it is not stated.";
        head_width: Fact, Integer(Positive), Acted, Unset, "Width of one head, of latent attention without its rotary part; `hidden / heads` where it is not stated.";
        feed_forward: Fact, Integer(Positive), Acted, Unset, "Inner width of the gated feed-forward; beside experts, that of the layers without.";
        vocabulary: Fact, Integer(Positive), Acted, Unset, "Tokens known.";
        tied_embeddings: Fact, Boolean, Acted, IsBoolean(false), "The output projection is the embedding, transposed.";
        attention: Fact, Symbol(&["causal", "bidirectional"]), Acted, IsSymbol("causal"), "`bidirectional` for encoders built as BERT: norms after each part, biases everywhere, a feed-forward without gate.";
        latent: Fact, Widths(&["kv", "rope"], &["query", "value"]), Acted, Unset, "Latent attention: widths cached for keys and values and for positions, of the queries' latent, and of a value head.";
        window: Fact, Integer(Positive), Acted, Unset, "Tokens that a windowed layer sees.";
        windowed_layers: Fact, Integer(Positive), Acted, Unset, "Layers with the window; all where it is not stated.";
        query_key_norm: Fact, Boolean, Acted, IsBoolean(false), "Each query and key head is normalised.";
        post_norms: Fact, Boolean, Acted, IsBoolean(false), "Attention and feed-forward are normalised once more, before the stream takes them.";
        attention_sinks: Fact, Boolean, Acted, IsBoolean(false), "Each head has a learned logit that takes attention away.";
        biases: Fact, Symbol(&["none", "qkv", "attention", "all"]), Acted, IsSymbol("none"), "Which matrices of a layer add a vector: of queries, keys and values; those and attention's output; every one.";
        dense_layers: Fact, Integer(NotNegative), Acted, Unset, "Leading layers without experts.";
        experts: Fact, Integer(Positive), Acted, Unset, "Experts of one layer.";
        experts_per_token: Fact, Integer(Positive), Acted, Unset, "Experts that read one token.";
        shared_experts: Fact, Integer(NotNegative), Acted, Unset, "Experts that read every token.";
        expert_feed_forward: Fact, Integer(Positive), Acted, Unset, "Inner width of one expert.";
        router_bias: Fact, Boolean, Acted, IsBoolean(false), "The router adds a number to the score of each expert.";
        positions: Fact, Integer(Positive), Acted, Unset, "Rows of an encoder's table of positions.";
        token_types: Fact, Integer(Positive), Acted, Unset, "Rows of an encoder's table of token types.";
        pooler: Fact, Boolean, Acted, IsBoolean(false), "An encoder's matrix over its answer for the first token.";
        labels: Fact, Integer(Positive), Acted, Unset, "Scores of an encoder's classification head: 1 of a reranker.";
        vision: Fact, Widths(&["layers", "hidden", "heads", "feed_forward", "patch"], &["merge", "frames", "window", "windowed_layers", "positions", "projector", "deepstack"]), Acted, Unset, "A transformer that turns images into tokens of the prompt: its own widths; `patch`: pixels along a side of one, `merge`: patches along a side of a token, `frames`: of a patch, `window`: patches that a windowed layer sees, `positions`: rows of its table of positions, `projector`: inner width of what makes tokens of merged patches, `merge * merge * hidden` where nothing is said, `deepstack`: layers whose values the language part takes too, each through a projector of its own.";
        vision_form: Fact, Symbol(&["plain", "gated"]), Acted, IsSymbol("plain"), "Layers of the vision part, normalised before each part, with biases: `plain` takes the mean away and has a feed-forward without gate, `gated` has root-mean-square norms and a gate.";
        diffusion: Fact, Widths(&["layers", "hidden", "heads", "feed_forward", "channels", "patch"], &["out_channels", "pixels", "positions", "single_layers", "dual_layers", "text", "pooled", "classes", "scalars"]), Acted, Unset, "A diffusion transformer, which is all of the model: it takes the noise out of a latent image step by step. `channels`: numbers at each place of the latent image, `out_channels`: of its answer, as many where nothing is said; `pixels`: pixels along a side of a place, 8; `patch`: places along a side of a token; `positions`: rows of its table of positions, `text`: width of the tokens of text that it sees beside the image's, in layers with matrices for each of the two, of which the last answers the image alone where no `single_layers` follow it, `single_layers`: more layers, which have one set of matrices for both and a feed-forward beside attention, `dual_layers`: leading layers in which the image's tokens also see one another alone, `pooled`: width of a vector that stands for all of the text, `classes`: rows of its table of classes, `scalars`: numbers that it is told, the time of the step and perhaps a guidance: 1.";
        prediction_modules: Fact, Integer(NotNegative), Acted, Unset, "Modules that each guess one token more, by a layer like the last; a service whose `acceptance` is stated runs them, and no other holds them.";
        repository: Fact, Text, Describes, Unset, "What an engine loads: a repository of Hugging Face, `org/name`, or a folder in its container.";
        native: Fact, Symbol(STORED), Acted, IsSymbol("bf16"), "What the published weights are stored as. `int8`, `int4`, `mxfp4` and `nvfp4` are held as they are, unless the service's `weights` says otherwise; the others as its `precision` has them.";
        native_group: Fact, Integer(NotNegative), Acted, Unset, "Numbers of a column that share a scale in `native`; 0: all of them. 128 of `int4` and all of `int8` where nothing is said.";
        kv_cache: Fact, Symbol(CACHED), Acted, IsSymbol("bf16"), "What its keys and values are cached as, where it is published with the scales for that; a service's `kv_cache` comes first.";
        quality: Fact, ByPrecision(&RATIO, Share), NotYet("quality is not judged yet"), Unset, "Quality by precision.";
        precision: Choice, Symbol(PRECISIONS), NotYet("state precision on the service"), Unset, "Precision of the weights.";
        weight_bytes: Measure, Q(&DATA, Any), NotYet("memory of a model is judged as `memory_free` of its service"), Unset, "Bytes of the weights.";
        kv_bytes_per_token: Measure, Q(&DATA, Any), NotYet("memory of a model is judged as `memory_free` of its service"), Unset, "Bytes of cache a token.";
        source: Fact, Source, Describes, Unset, "Where the facts of this block are from.";
    }
    /// Something that answers requests: a model behind an engine, or a container.
    service as ServiceRows in [""], Acted => {
        model: Fact, Thing("model"), Acted, Unset, "The model it serves.";
        engine: Fact, Symbol(ENGINES), Acted, Unset, "What runs the model.";
        image: Fact, Text, Acted, Unset, "The container it runs; beside a model, that of its engine, which has one of its own where nothing is said.";
        cpu: Fact, Q(&CORES, NotNegative), Acted, Unset, "Cores of one replica.";
        memory: Fact, Q(&DATA, NotNegative), Acted, Unset, "Bytes of main memory of one replica.";
        serves: Fact, Serves, Acted, Unset, "Requests a second that one replica serves.";
        devices: Fact, Integer(NotNegative), Acted, Unset, "Whole devices of one replica.";
        share: Fact, Q(&RATIO, Share), Acted, Unset, "The part of one device that one replica takes.";
        priority: Fact, Integer(Any), Acted, Number(0), "Higher is satisfied first.";
        demand: Fact, Demand, Acted, Unset, "Requests a second, by step.";
        prompt: Fact, Draws(&TOKENS), Acted, Unset, "Tokens of one prompt.";
        output: Fact, Draws(&TOKENS), Acted, Unset, "Tokens of one answer.";
        images: Fact, Draws(&IMAGES), Acted, Unset, "Images of one request: that a model sees beside the tokens of its `prompt`, none where nothing is said, or that a diffusion transformer makes of it.";
        image_size: Fact, Draws(&RATIO), Acted, Unset, "Pixels of one image, width times height, as the model is given it or makes it: `1_024 * 768`.";
        denoising_steps: Fact, Integer(Positive), Acted, Unset, "Steps in which a diffusion transformer takes the noise out of an image.";
        guidance: Fact, Boolean, Acted, Unset, "Each of these steps is two passes, one with what the request says and one without, as classifier-free guidance has it; `false` of models that are told the guidance.";
        tolerations: Fact, Labels, Acted, Unset, "Taints of nodes that do not keep it away: a name alone with any text, `[tier: \"gold\"]` with that one.";
        acceptance: Fact, Q(&RATIO, Share), Acted, Unset, "Share of the tokens guessed by the model's `prediction_modules` that are kept, of each where all before it were; where nothing is said the modules do not run.";
        stateful: Fact, Boolean, Acted, IsBoolean(false), "Its data lives with it.";
        replicas: Choice, Integer(NotNegative), Acted, Unset, "How many run.";
        tensor: Choice, Integer(Positive), Acted, Unset, "Devices that share each layer; 1, 2, 4 or 8 where nothing is said.";
        batch: Choice, Integer(Positive), Acted, Unset, "Most sequences decoded together; 1 to 256 where nothing is said.";
        precision: Choice, Symbol(PRECISIONS), Acted, Unset, "Precision of weights and arithmetic; bf16 where nothing is said.";
        weights: Fact, Symbol(STORED), Acted, Unset, "What the matrices of layers are held as, where that is narrower than `precision`, in which they are multiplied; `mxfp4`: those of experts. What the model's `native` says where nothing is said.";
        kv_cache: Fact, Symbol(CACHED), Acted, Unset, "What keys and values are cached as; what the model's `kv_cache` says where nothing is said.";
        device: Choice, Thing("device"), Acted, Unset, "Device classes it may run on; any where nothing is said.";
        spread: Choice, Spread, Acted, Unset, "Distinct places in use: `spread(node)`.";
        ttft: Sampled, Q(&TIME, Any), Acted, Unset, "Time to the first token of a request.";
        tpot: Sampled, Q(&TIME, Any), Acted, Unset, "Time a token after the first, mean over one answer.";
        latency: Sampled, Q(&TIME, Any), Acted, Unset, "Time of a whole request.";
        memory_free: Measure, Q(&RATIO, Any), Acted, Unset, "Share of device memory that stays free.";
        time: Fact, Draws(&TIME), Acted, Unset, "Time of one request that does not wait; instead of `serves`.";
        concurrency: Fact, Integer(Positive), Acted, Number(1), "Requests that one replica serves side by side, at `time` each.";
        sequences: Fact, Integer(Positive), NotYet("one prompt a request is planned"), Number(1), "Prompts in one request.";
        prefix_hit: Fact, Q(&RATIO, Part), NotYet("reuse of prefixes is not predicted yet"), Unset, "Share of a prompt that is cached.";
        residency: Fact, Name, Describes, Unset, "Where its data may be; a policy says what follows: `all i in s.instance[*]: i.site.residency == s.residency`.";
        interference: Fact, Q(&RATIO, NotNegative), NotYet("interference is not predicted yet"), Unset, "By what share a neighbour on the same machine slows it.";
        elastic: Fact, Boolean, Acted, IsBoolean(false), "Its replicas follow the demand: what is placed is the most there are at a time, and the plan says how many each step needs.";
        start_up: Fact, Q(&TIME, NotNegative), Acted, Unset, "Time from when a replica is asked for until it serves, its image and weights loaded; of an elastic service.";
        team: Fact, Thing("team"), Acted, Unset, "Whose it is.";
        template: Fact, Text, Describes, Unset, "A file with a Deployment or StatefulSet: what the plan decides is filled in, all else stays.";
        adopt: Fact, Live, Describes, Unset, "A live object of which the plan takes over what it decides, and nothing else.";
        command: Fact, Texts, Describes, Unset, "What its container runs, instead of the image's entry point.";
        args: Fact, Texts, Describes, Unset, "The arguments of that, instead of the image's; of an engine, beside those that the plan decides.";
        ports: Fact, Ports, Describes, Unset, "The ports it listens on; each is a port of its Service too.";
        env: Fact, Environment, Describes, Unset, "Environment variables. A secret is named by where it lies, never stated.";
        volumes: Fact, Volumes, Describes, Unset, "What is mounted into its container, and where.";
        readiness_probe: Fact, Probe, Describes, Unset, "When a replica takes requests.";
        liveness_probe: Fact, Probe, Describes, Unset, "When a container is started anew.";
        startup_probe: Fact, Probe, Describes, Unset, "Until when the other probes wait.";
        image_pull_policy: Fact, Symbol(&["Always", "IfNotPresent", "Never"]), Describes, Unset, "When the image is fetched; the target's own rule where nothing is said.";
        image_pull_secrets: Fact, Texts, Describes, Unset, "Secrets, by name, with which the image is fetched.";
        service_account_name: Fact, Text, Describes, Unset, "Whose rights its pods have.";
        termination_grace_period: Fact, Q(&TIME, NotNegative), Describes, Unset, "Time that a replica has to end; 30 s where nothing is said.";
        pipeline: Choice, Integer(Positive), Acted, Unset, "Stages that hold consecutive layers; 1 where nothing is said.";
        expert: Choice, Integer(Positive), Acted, Unset, "Groups of devices that share the experts; 1, or every device one, where nothing is said. Adds no devices.";
        expert_load: Fact, ExpertLoad, Acted, Unset, "How much is asked of each expert: a law, `zipf(1.0)`, or a file of what was measured, `trace(\"experts.csv\")`; of all as much where nothing is said.";
        redundant_experts: Choice, Integer(NotNegative), Acted, Unset, "Copies of experts beyond one of each, in every layer, as many on each of the groups that `expert` makes. None where nothing is said; with `expert_load` what carries most, of one, two or four more on each group, or none.";
        data: Choice, Integer(Positive), Acted, Unset, "Groups of devices with sequences of their own, in step; with experts 1, 2, 4 or 8 where nothing is said, else 1.";
        context: Choice, Integer(Positive), Acted, Unset, "Devices that share the tokens of each sequence, of its prompt and in its cache; 1 where nothing is said.";
        nodes: Choice, Integer(Positive), Acted, Unset, "Nodes that each replica takes whole, all in one rack, row or site that has as many; 1, 2, 4 or 8 where nothing is said.";
        cap: Choice, Q(&POWER, Positive), NotYet(CLOCKS), Unset, "Power limit of its devices, W.";
        clock: Choice, Q(&FREQUENCY, Positive), NotYet(CLOCKS), Unset, "Clock of its devices, Hz.";
        throughput: Measure, Q(&RATE, Any), NotYet("throughput is not judged yet"), Unset, "Requests a second that its replicas carry together.";
        availability: Measure, Q(&RATIO, Any), NotYet(UP), Unset, "Share of demand met while nodes fail.";
        power: Sampled, Q(&POWER, Any), NotYet(POWERS), Unset, "Readings of its devices, W.";
        energy: Measure, Q(&POWER, Any), NotYet(ENERGIES), Unset, "Energy an hour.";
        carbon: Measure, Q(&EMISSIONS, Any), NotYet(CARBON), Unset, "Carbon an hour.";
        bill: Measure, Q(&PRICE, Any), NotYet(BILLS), Unset, "Money an hour.";
        hour: Measure, Q(&TIME, Any), Describes, Unset, "The plan's clock, in guards: `when hour in 17h..20h`.";
        source: Fact, Source, Describes, Unset, "Where the facts of this block are from.";
    }
    /// What to minimise, and settings. A program has one.
    plan as PlanRows in [""], Acted => {
        minimize: Fact, Objective, Acted, Unset, "What is minimised; a list is lexicographic.";
        horizon: Fact, Q(&TIME, Positive), Acted, Unset, "The time planned for; a day where nothing is said.";
        step: Fact, Q(&TIME, Positive), Acted, Unset, "The time within which demand is steady; an hour where nothing is said.";
        start: Fact, Date, Acted, Unset, "The first day; its midnight begins the first step.";
        gap: Fact, Q(&RATIO, NotNegative), Acted, Unset, "Relative gap at which the search may stop.";
        effort: Fact, Integer(Positive), Acted, Unset, "Deterministic units of work.";
        band: Fact, Symbol(&["unfavourable", "middle"]), NotYet("comparisons use the unfavourable end"), IsSymbol("unfavourable"), "Which end of a prediction is compared.";
        target: Fact, Target, Acted, Unset, "Where the plan is applied.";
        moved: Fact, Moved, Acted, Unset, "Services that had another address, old before new: what a target made for one keeps its name, and so its data.";
        bill: Measure, Q(&PRICE, Any), Acted, Unset, "Money an hour of the whole program.";
        carbon: Measure, Q(&EMISSIONS, Any), NotYet(CARBON), Unset, "Carbon an hour.";
        energy: Measure, Q(&POWER, Any), NotYet(ENERGIES), Unset, "Energy an hour.";
        hour: Measure, Q(&TIME, Any), Describes, Unset, "The plan's clock, in guards: `when hour in 17h..20h`.";
        moves: Measure, Integer(Any), Acted, Unset, "Replicas that leave the node where they run now.";
    }
    /// Requirements over many things, reported by name.
    policy as PolicyRows in [""], Acted => {
        implied: Fact, Boolean, Acted, IsBoolean(false), "`berth check` says whether every plan that all other lines allow keeps it.";
        bill: Measure, Q(&PRICE, Any), Acted, Unset, "Money an hour of the whole program.";
        carbon: Measure, Q(&EMISSIONS, Any), NotYet(CARBON), Unset, "Carbon an hour.";
        energy: Measure, Q(&POWER, Any), NotYet(ENERGIES), Unset, "Energy an hour.";
        moves: Measure, Integer(Any), Acted, Unset, "Replicas that leave the node where they run now.";
        hour: Measure, Q(&TIME, Any), Describes, Unset, "The plan's clock, in guards: `when hour in 17h..20h`.";
    }
    /// A changed world and what must hold in it.
    test as TestRows in [""], Acted => {
        lose: Fact, Things(STANDING), Acted, Unset, "Things that are gone.";
        feasible: Measure, Boolean, Acted, Unset, "Some plan exists.";
        bill: Measure, Q(&PRICE, Any), Acted, Unset, "Money an hour in this world.";
        carbon: Measure, Q(&EMISSIONS, Any), NotYet(CARBON), Unset, "Carbon an hour in this world.";
        energy: Measure, Q(&POWER, Any), NotYet(ENERGIES), Unset, "Energy an hour in this world.";
        moves: Measure, Integer(Any), NotYet("moves are not counted in a test yet"), Unset, "Replicas that move.";
    }
    /// A place with its own feed and tariff.
    site as SiteRows in [""], Acted => {
        zone: Fact, Zone, Describes, Unset, "Time zone of its clock; that of the place around it, else the plan's, where nothing is said.";
        residency: Fact, Name, Describes, Unset, "Whose law holds here.";
        market: Fact, Symbol(MARKETS), Describes, IsSymbol("owned"), "How its nodes are paid unless they say.";
        feed: Fact, Q(&POWER, Positive), Describes, Unset, "What the meter may read, W.";
        pue: Fact, Q(&RATIO, AtLeastOne), Describes, Unset, "Metered power over that of its servers.";
        energy_price: Fact, Profile(&MONEY_PER_ENERGY, Any), NotYet(ENERGY_PRICES), Unset, "Money for energy.";
        carbon_intensity: Fact, Profile(&MASS_PER_ENERGY, NotNegative), Describes, Unset, "Carbon for energy.";
        interruption: Fact, Q(&FREQUENCY, NotNegative), NotYet(INTERRUPTIONS), Unset, "Interruptions a time.";
        notice: Fact, Q(&TIME, NotNegative), NotYet(INTERRUPTIONS), Unset, "Time between notice and interruption.";
        failures: Fact, Q(&FREQUENCY, NotNegative), Describes, Unset, "Failures a time.";
        repair: Fact, Q(&TIME, Positive), Describes, Unset, "Time until it is back.";
        labels: Fact, Labels, Describes, Unset, "Labels for targets.";
        hour: Measure, Q(&TIME, Any), Describes, Unset, "Its local clock, in guards: `when hour in 17h..20h`.";
        power: Sampled, Q(&POWER, Any), NotYet(POWERS), Unset, "Metered power, W.";
        nameplate: Measure, Q(&POWER, Any), Acted, Unset, "Largest power of the hardware filled in it, W; caps lower `power`, not this.";
        bill: Measure, Q(&PRICE, Any), NotYet(BILLS), Unset, "Money an hour.";
        carbon: Measure, Q(&EMISSIONS, Any), NotYet(CARBON), Unset, "Carbon an hour.";
        energy: Measure, Q(&POWER, Any), NotYet(ENERGIES), Unset, "Energy an hour.";
        source: Fact, Source, Describes, Unset, "Where the facts of this block are from.";
    }
    /// Racks behind one feed.
    row as RowRows in ["site"], Acted => {
        zone: Fact, Zone, Describes, Unset, "Time zone of its clock; that of the place around it, else the plan's, where nothing is said.";
        residency: Fact, Name, Describes, Unset, "Whose law holds here; that of what holds it where it states none.";
        market: Fact, Symbol(MARKETS), Describes, IsSymbol("owned"), "How its nodes are paid unless they say.";
        feed: Fact, Q(&POWER, Positive), Describes, Unset, "What it may draw, W.";
        energy_price: Fact, Profile(&MONEY_PER_ENERGY, Any), NotYet(ENERGY_PRICES), Unset, "Money for energy; that of what holds it where it states none.";
        carbon_intensity: Fact, Profile(&MASS_PER_ENERGY, NotNegative), Describes, Unset, "Carbon for energy; that of what holds it where it states none.";
        interruption: Fact, Q(&FREQUENCY, NotNegative), NotYet(INTERRUPTIONS), Unset, "Interruptions a time; those of what holds it where it states none.";
        notice: Fact, Q(&TIME, NotNegative), NotYet(INTERRUPTIONS), Unset, "Time between notice and interruption; that of what holds it where it states none.";
        failures: Fact, Q(&FREQUENCY, NotNegative), Describes, Unset, "Failures a time.";
        repair: Fact, Q(&TIME, Positive), Describes, Unset, "Time until it is back.";
        labels: Fact, Labels, Describes, Unset, "Labels for targets.";
        power: Sampled, Q(&POWER, Any), NotYet(POWERS), Unset, "Power of its servers, W.";
        nameplate: Measure, Q(&POWER, Any), Acted, Unset, "Largest power of the hardware filled in it, W; caps lower `power`, not this.";
        bill: Measure, Q(&PRICE, Any), NotYet(BILLS), Unset, "Money an hour.";
        hour: Measure, Q(&TIME, Any), Describes, Unset, "Its local clock, in guards: `when hour in 17h..20h`.";
        source: Fact, Source, Describes, Unset, "Where the facts of this block are from.";
    }
    /// Servers behind one breaker.
    rack as RackRows in ["", "site", "row"], Acted => {
        zone: Fact, Zone, Describes, Unset, "Time zone of its clock; that of the place around it, else the plan's, where nothing is said.";
        residency: Fact, Name, Describes, Unset, "Whose law holds here; that of what holds it where it states none.";
        market: Fact, Symbol(MARKETS), Describes, IsSymbol("owned"), "How its nodes are paid unless they say.";
        feed: Fact, Q(&POWER, Positive), Describes, Unset, "What it may draw, W.";
        energy_price: Fact, Profile(&MONEY_PER_ENERGY, Any), NotYet(ENERGY_PRICES), Unset, "Money for energy; that of what holds it where it states none.";
        carbon_intensity: Fact, Profile(&MASS_PER_ENERGY, NotNegative), Describes, Unset, "Carbon for energy; that of what holds it where it states none.";
        interruption: Fact, Q(&FREQUENCY, NotNegative), NotYet(INTERRUPTIONS), Unset, "Interruptions a time; those of what holds it where it states none.";
        notice: Fact, Q(&TIME, NotNegative), NotYet(INTERRUPTIONS), Unset, "Time between notice and interruption; that of what holds it where it states none.";
        failures: Fact, Q(&FREQUENCY, NotNegative), Describes, Unset, "Failures a time.";
        repair: Fact, Q(&TIME, Positive), Describes, Unset, "Time until it is back.";
        labels: Fact, Labels, Describes, Unset, "Labels for targets.";
        power: Sampled, Q(&POWER, Any), NotYet(POWERS), Unset, "Power of its servers, W.";
        nameplate: Measure, Q(&POWER, Any), Acted, Unset, "Largest power of the hardware filled in it, W; caps lower `power`, not this.";
        bill: Measure, Q(&PRICE, Any), NotYet(BILLS), Unset, "Money an hour.";
        hour: Measure, Q(&TIME, Any), Describes, Unset, "Its local clock, in guards: `when hour in 17h..20h`.";
        source: Fact, Source, Describes, Unset, "Where the facts of this block are from.";
    }
    /// A breaker and when it trips.
    breaker as BreakerRows in ["site", "row", "rack"], NotYet(POWERS) => {
        rated: Fact, Q(&POWER, Positive), Describes, Unset, "What it carries for ever, W.";
        trips: Fact, Curve(&RATIO, &TIME), Describes, Unset, "Time until it trips by load, a share of `rated`: `[125%: 10min]`.";
        source: Fact, Source, Describes, Unset, "Where the facts of this block are from.";
    }
    /// What reads a place's power.
    sensor as SensorRows in ["site", "row", "rack"], NotYet(POWERS) => {
        every: Fact, Q(&TIME, Positive), Describes, Unset, "Time between readings.";
        error: Fact, Q(&RATIO, Part), Describes, Unset, "Relative error of a reading.";
        source: Fact, Source, Describes, Unset, "Where the facts of this block are from.";
    }
    /// What slows a place down when it draws too much.
    stage as StageRows in ["site", "row", "rack"], NotYet(POWERS) => {
        at: Fact, Q(&POWER, Positive), Describes, Unset, "It acts once this is passed, W.";
        release: Fact, Q(&POWER, Positive), Describes, Unset, "It ends under this, W.";
        clock: Fact, Q(&FREQUENCY, Positive), Describes, Unset, "The clock it sets, Hz.";
        cap: Fact, Q(&POWER, Positive), Describes, Unset, "The power limit it sets on each device, W.";
        below_priority: Fact, Integer(Any), Describes, Unset, "It acts on services under this priority.";
        actuator: Fact, Actuator, Describes, Unset, "How it reaches the devices, and how long that takes.";
        source: Fact, Source, Describes, Unset, "Where the facts of this block are from.";
    }
    /// A wire between places.
    link as LinkRows in ["", "site"], NotYet("links between places are not planned yet") => {
        between: Fact, Things(JOINED), Describes, Unset, "The two places that it joins.";
        bandwidth: Fact, Q(&BANDWIDTH, Positive), Describes, Unset, "Bytes a second.";
        latency: Fact, Q(&TIME, NotNegative), Describes, Unset, "Time one way.";
        price: Fact, Q(&MONEY_PER_DATA, NotNegative), Describes, Unset, "Money for data.";
        reach: Fact, Symbol(&["public", "nat", "relay"]), Describes, IsSymbol("public"), "Who can open a connection.";
        contacts: Fact, Windows, Describes, Unset, "When it is up, by the plan's clock; always where nothing is said.";
        load: Measure, Q(&RATIO, Any), NotYet("links between places are not planned yet"), Unset, "Share of its bandwidth in use.";
        bill: Measure, Q(&PRICE, Any), NotYet(BILLS), Unset, "Money an hour.";
        source: Fact, Source, Describes, Unset, "Where the facts of this block are from.";
    }
    /// Replicas of a service that do one phase.
    pool as PoolRows in ["service"], NotYet("one pool a service is planned yet: prefill and decode together") => {
        replicas: Choice, Integer(NotNegative), NotYet(LAYOUTS), Unset, "How many run.";
        tensor: Choice, Integer(Positive), NotYet(LAYOUTS), Unset, "Devices that share each layer.";
        pipeline: Choice, Integer(Positive), NotYet(LAYOUTS), Unset, "Stages that hold consecutive layers.";
        expert: Choice, Integer(Positive), NotYet(LAYOUTS), Unset, "Devices that share the experts.";
        data: Choice, Integer(Positive), NotYet(LAYOUTS), Unset, "Copies that share one batch.";
        batch: Choice, Integer(Positive), NotYet(LAYOUTS), Unset, "Most sequences decoded together.";
        precision: Choice, Symbol(PRECISIONS), NotYet(LAYOUTS), Unset, "Precision of weights and arithmetic.";
        device: Choice, Thing("device"), NotYet(LAYOUTS), Unset, "Device classes it may run on.";
        share: Choice, Q(&RATIO, Share), NotYet(LAYOUTS), Unset, "Share of a device's compute.";
        cap: Choice, Q(&POWER, Positive), NotYet(CLOCKS), Unset, "Power limit of its devices, W.";
        clock: Choice, Q(&FREQUENCY, Positive), NotYet(CLOCKS), Unset, "Clock of its devices, Hz.";
        spread: Choice, Spread, NotYet(LAYOUTS), Unset, "Distinct places in use.";
        memory_free: Measure, Q(&RATIO, Any), NotYet(LAYOUTS), Unset, "Share of device memory that stays free.";
        power: Sampled, Q(&POWER, Any), NotYet(POWERS), Unset, "Readings of its devices, W.";
        bill: Measure, Q(&PRICE, Any), NotYet(BILLS), Unset, "Money an hour.";
        hour: Measure, Q(&TIME, Any), Describes, Unset, "The plan's clock, in guards: `when hour in 17h..20h`.";
        source: Fact, Source, Describes, Unset, "Where the facts of this block are from.";
    }
    /// A path through services, with a promise from end to end.
    flow as FlowRows in [""], NotYet("flows are not planned yet: the demand they bring and their promises are not judged") => {
        path: Fact, Path, Describes, Unset, "The services in their order.";
        demand: Fact, Demand, Describes, Unset, "Requests a second, by step.";
        priority: Fact, Integer(Any), Describes, Number(0), "Higher is satisfied first.";
        share: Choice, ShareOf, NotYet("flows are not planned yet"), Unset, "Share of the walks that go by a variant, in a step: `share(small)`.";
        ttft: Sampled, Q(&TIME, Any), NotYet("flows are not planned yet"), Unset, "Time to the first token of the last model.";
        latency: Sampled, Q(&TIME, Any), NotYet("flows are not planned yet"), Unset, "Time of a whole request.";
        availability: Measure, Q(&RATIO, Any), NotYet(UP), Unset, "Share of demand met while nodes fail.";
        quality: Measure, Q(&RATIO, Any), NotYet("quality is not judged yet"), Unset, "Quality of the answers.";
        bill: Measure, Q(&PRICE, Any), NotYet(BILLS), Unset, "Money an hour.";
        hour: Measure, Q(&TIME, Any), Describes, Unset, "The plan's clock, in guards: `when hour in 17h..20h`.";
        source: Fact, Source, Describes, Unset, "Where the facts of this block are from.";
    }
    /// Work with an end.
    job as JobRows in [""], Acted => {
        model: Fact, Thing("model"), Acted, Unset, "The model it trains or runs.";
        work: Fact, Amount, Acted, Unset, "How much there is to do with a model that does not learn: requests, or tokens of their answers; of a model that writes none, tokens that it reads.";
        prompt: Fact, Draws(&TOKENS), Acted, Unset, "Tokens of one prompt of that work.";
        output: Fact, Draws(&TOKENS), Acted, Unset, "Tokens of one answer of that work.";
        steps: Fact, Integer(Positive), Acted, Unset, "Steps of a training run.";
        batch: Fact, Q(&TOKENS, Positive), Acted, Unset, "Tokens of one step.";
        sequence: Fact, Q(&TOKENS, Positive), Acted, Number(4_096), "Tokens of one sequence of these.";
        optimizer: Fact, Symbol(&["adamw", "sgd"]), Acted, IsSymbol("adamw"), "What turns gradients into weights, and what it holds beside each: AdamW a copy and two moments, SGD with momentum a copy and one.";
        recompute: Fact, Symbol(&["none", "attention", "layer"]), Acted, IsSymbol("none"), "What a step computes a second time rather than keep: nothing, attention's products, whole layers.";
        input: Fact, Dataset, NotYet("where data is kept is not planned with yet"), Unset, "Its data and where it is.";
        preemptible: Fact, Boolean, NotYet("a job runs from start to end, as yet"), IsBoolean(false), "It may be stopped and continued.";
        checkpoint: Fact, Checkpoint, NotYet("the time that saving takes is not counted yet"), Unset, "How often it saves.";
        priority: Fact, Integer(Any), Describes, Number(0), "Higher is satisfied first.";
        team: Fact, Thing("team"), Acted, Unset, "Whose it is.";
        residency: Fact, Name, Describes, Unset, "Where its data may be.";
        tensor: Choice, Integer(Positive), Acted, Unset, "Devices that share each layer; 1, 2, 4 or 8 where nothing is said.";
        pipeline: Choice, Integer(Positive), Acted, Unset, "Stages that hold consecutive layers, on the devices of one node; where nothing is said 1, 2, 4 or 8 of what learns, else 1.";
        expert: Choice, Integer(Positive), Acted, Unset, "Groups of devices that share the experts; 1, or every device of a copy one, where nothing is said. Adds no devices.";
        data: Choice, Integer(Positive), Acted, Unset, "Groups of devices with sequences of their own: of what learns, those that share one batch, over all copies, the fewest that keep its lines where nothing is said; else those of one copy, as of a service.";
        precision: Choice, Symbol(PRECISIONS), Acted, Unset, "Precision of weights and arithmetic; bf16, which alone trains yet, where nothing is said.";
        sharding: Choice, Symbol(SHARDINGS), Acted, Unset, "What copies hold a part of each rather than whole: nothing, the optimizer's numbers, gradients too, weights too; the first of these that fits where nothing is said.";
        device: Choice, Thing("device"), Acted, Unset, "Device classes it may run on; any where nothing is said.";
        market: Choice, Symbol(MARKETS), NotYet("markets of jobs are not planned yet"), Unset, "Markets it may run on.";
        local_steps: Choice, Q(&STEPS, Positive), NotYet("every step exchanges its gradients, as yet"), Unset, "Steps between exchanges.";
        cap: Choice, Q(&POWER, Positive), NotYet(CLOCKS), Unset, "Power limit of its devices, W.";
        clock: Choice, Q(&FREQUENCY, Positive), NotYet(CLOCKS), Unset, "Clock of its devices, Hz.";
        spread: Choice, Spread, NotYet("where the copies of a job stand is not limited yet"), Unset, "Distinct places in use.";
        image: Fact, Text, Describes, Unset, "The container that each copy runs.";
        tolerations: Fact, Labels, Acted, Unset, "Taints of nodes that do not keep it away: a name alone with any text, `[tier: \"gold\"]` with that one.";
        template: Fact, Text, Describes, Unset, "A file with a Job: what the plan decides is filled in, all else stays.";
        command: Fact, Texts, Describes, Unset, "What its container runs, instead of the image's entry point.";
        args: Fact, Texts, Describes, Unset, "The arguments of that, instead of the image's; `$(BERTH_TENSOR)` is what the plan decided.";
        ports: Fact, Ports, Describes, Unset, "The ports it listens on.";
        env: Fact, Environment, Describes, Unset, "Environment variables, beside those that say what the plan decided. A secret is named by where it lies, never stated.";
        volumes: Fact, Volumes, Describes, Unset, "What is mounted into its container, and where.";
        image_pull_policy: Fact, Symbol(&["Always", "IfNotPresent", "Never"]), Describes, Unset, "When the image is fetched; the target's own rule where nothing is said.";
        image_pull_secrets: Fact, Texts, Describes, Unset, "Secrets, by name, with which the image is fetched.";
        service_account_name: Fact, Text, Describes, Unset, "Whose rights its pods have.";
        termination_grace_period: Fact, Q(&TIME, NotNegative), Describes, Unset, "Time that a copy has to end; 30 s where nothing is said.";
        backoff_limit: Fact, Integer(NotNegative), Describes, Unset, "Failures after which it has failed: of pods, or of all copies together where they share each batch; 6 where nothing is said.";
        restart_policy: Fact, Symbol(&["Never", "OnFailure"]), Describes, IsSymbol("Never"), "What becomes of a container that failed: a new pod takes its place, or it is started anew where it is.";
        finish: Measure, Q(&TIME, Any), Acted, Unset, "Time until it is done.";
        preemptions: Measure, Q(&FREQUENCY, Any), NotYet(INTERRUPTIONS), Unset, "Stops a time.";
        power: Sampled, Q(&POWER, Any), NotYet(POWERS), Unset, "Readings of its devices, W.";
        energy: Measure, Q(&ENERGY, Any), NotYet(ENERGIES), Unset, "Energy of the whole job.";
        bill: Measure, Q(&PRICE, Any), NotYet(BILLS), Unset, "Money an hour.";
        hour: Measure, Q(&TIME, Any), Describes, Unset, "The plan's clock, in guards: `when hour in 17h..20h`.";
        source: Fact, Source, Describes, Unset, "Where the facts of this block are from.";
    }
    /// A world that the plan must survive.
    scenario as ScenarioRows in [""], Acted => {
        lose: Fact, Things(STANDING), Acted, Unset, "Things that are gone.";
    }
    /// What is taken away for work on it.
    maintenance as MaintenanceRows in [""], NotYet("maintenance is not planned yet") => {
        what: Fact, Things(STANDING), Describes, Unset, "What is worked on.";
        at_once: Fact, Integer(Positive), Describes, Number(1), "The most that are away at a time.";
        each: Fact, Q(&TIME, Positive), Describes, Unset, "Time of one.";
        hours: Fact, Hours, Describes, Unset, "When, by the place's clock; at any hour where nothing is said.";
    }
    /// Whose services and jobs they are, and what they may use.
    team as TeamRows in [""], Acted => {
        guaranteed: Fact, Q(&RATIO, Part), Acted, Unset, "Share of the devices of each kind that it can always have; without `borrowing` it uses no more.";
        limit: Fact, Q(&RATIO, Part), Acted, Unset, "Share of the devices of each kind that it never exceeds.";
        borrowing: Fact, Boolean, Acted, IsBoolean(false), "It may use idle devices beyond its guarantee.";
        budget: Fact, Q(&PRICE, NotNegative), NotYet("budgets of teams are not planned yet"), Unset, "Money a time for its members.";
    }
}
