//! Which nodes and pods of the trace go into the plan files.

use super::trace::{Node, Pod};
use super::{Count, Load};
use crate::random::Random;
use std::collections::BTreeMap;

/// Nodes and pods, each in the order of the trace.
pub struct Selection {
    pub nodes: Vec<Node>,
    pub pods: Vec<Pod>,
}

impl Selection {
    /// How much there is and how much of it is asked for, three lines.
    pub fn summary(&self) -> String {
        let line = |what: &str, asked: u64, there: u64, of: u64| {
            let part = if there == 0 { "none".to_owned() } else { percent(asked, there) };
            let (asked, there) = (super::decimal(asked, of), super::decimal(there, of));
            format!("{what:<7} {asked:>10} asked for, {there:>10} there: {part}\n")
        };
        let sum = |of: fn(&Node) -> u64| self.nodes.iter().map(of).sum::<u64>();
        let asked = |of: fn(&Pod) -> u64| self.pods.iter().map(of).sum::<u64>();
        format!("{} nodes, {} pods\n", self.nodes.len(), self.pods.len())
            + &line("GPUs", asked(Pod::requested_milli), sum(|node| node.gpus) * 1_000, 1_000)
            + &line("cores", asked(|pod| pod.cpu_milli), sum(|node| node.cpu_milli), 1_000)
            + &line("MiB", asked(|pod| pod.memory_mib), sum(|node| node.memory_mib), 1)
    }
}

/// All pods or a sample of them, with `gpu_only` of those that ask for a GPU.
///
/// # Errors
/// There are not so many.
pub fn pods(
    mut pods: Vec<Pod>,
    count: Count,
    gpu_only: bool,
    random: &mut Random,
) -> Result<Vec<Pod>, String> {
    pods.retain(|pod| !gpu_only || pod.gpus > 0);
    sample(pods, count, "pods", random)
}

/// All nodes or a sample of them.
///
/// # Errors
/// There are not so many.
pub fn nodes(nodes: Vec<Node>, count: Count, random: &mut Random) -> Result<Vec<Node>, String> {
    sample(nodes, count, "nodes", random)
}

fn sample<T>(items: Vec<T>, count: Count, what: &str, random: &mut Random) -> Result<Vec<T>, String> {
    match count {
        Count::All => Ok(items),
        Count::Some(count) if count > items.len() => {
            Err(format!("{count} {what} are asked for and the trace has {}", items.len()))
        }
        Count::Some(count) => Ok(random.sample(items, count)),
    }
}

/// GPU nodes of which the pods ask for `load`, or as little less as whole nodes allow.
///
/// Pods that need several GPUs on one node, or one of few models, get a node that can hold them
/// first. The rest is filled up model by model, so that each has the part of all GPUs that the pods
/// would use if each spread over the models it accepts as the cluster has them.
///
/// # Errors
/// The cluster has too few GPUs for so many pods at this load.
pub fn nodes_at_load(
    nodes: Vec<Node>,
    pods: &[Pod],
    load: Load,
    random: &mut Random,
) -> Result<Vec<Node>, String> {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    random.shuffle(&mut order);
    let mut pool = Pool::new(order.iter().filter_map(|at| nodes.get(*at).map(|node| (*at, node))));

    let asked: u64 = pods.iter().map(Pod::requested_milli).sum();
    let wanted =
        (u128::from(asked) * u128::from(load.denominator)).div_ceil(1_000 * u128::from(load.numerator));
    let there = pool.left();
    if wanted > u128::from(there) {
        return Err(format!(
            "these pods ask for {} GPUs, so at this load for {wanted} in the inventory; the trace has {there}.\n  \
             Take fewer with --pods",
            super::decimal(asked, 1_000),
        ));
    }
    let wanted = wanted as u64; // at most `there`

    pool.hold_the_demanding(pods);
    let parts = parts(&nodes, pods);
    while pool.taken < wanted {
        pool.take_towards(wanted, &parts);
    }

    let mut chosen = pool.chosen;
    chosen.sort_unstable();
    Ok(chosen.iter().filter_map(|at| nodes.get(*at).cloned()).collect())
}

/// The part of all requested GPUs that falls on each model when a pod spreads over the models it
/// accepts as the cluster has them.
fn parts(nodes: &[Node], pods: &[Pod]) -> BTreeMap<String, f64> {
    let mut capacity: BTreeMap<&str, u64> = BTreeMap::new();
    for node in nodes.iter().filter(|node| node.gpus > 0) {
        *capacity.entry(&node.model).or_default() += node.gpus;
    }
    let mut parts: BTreeMap<String, f64> = BTreeMap::new();
    let mut all = 0.0;
    for pod in pods {
        let accepted = || capacity.iter().filter(|(model, _)| pod.accepts(model));
        let sum: u64 = accepted().map(|(_, gpus)| gpus).sum();
        for (model, gpus) in accepted() {
            let share = pod.requested_milli() as f64 * *gpus as f64 / sum as f64;
            *parts.entry((*model).to_owned()).or_default() += share;
            all += share;
        }
    }
    for part in parts.values_mut() {
        *part /= all;
    }
    parts
}

/// GPU nodes not chosen yet, in seeded order, and those that are.
struct Pool<'a> {
    waiting: Vec<(usize, &'a Node)>,
    chosen: Vec<usize>,
    /// GPUs of the chosen nodes, by model and together.
    by_model: BTreeMap<&'a str, u64>,
    taken: u64,
}

impl<'a> Pool<'a> {
    fn new(nodes: impl Iterator<Item = (usize, &'a Node)>) -> Self {
        Self {
            waiting: nodes.filter(|(_, node)| node.gpus > 0).collect(),
            chosen: Vec::new(),
            by_model: BTreeMap::new(),
            taken: 0,
        }
    }

    fn left(&self) -> u64 {
        self.waiting.iter().map(|(_, node)| node.gpus).sum()
    }

    /// Takes the waiting node at this place.
    fn take(&mut self, place: usize) -> &'a Node {
        let (at, node) = self.waiting.remove(place);
        self.chosen.push(at);
        *self.by_model.entry(&node.model).or_default() += node.gpus;
        self.taken += node.gpus;
        node
    }

    /// Takes nodes until every pod that needs several GPUs at once, or names its models, could stand
    /// somewhere; several such pods of whole GPUs each have room of their own.
    fn hold_the_demanding(&mut self, pods: &[Pod]) {
        let mut demanding: Vec<&Pod> =
            pods.iter().filter(|pod| pod.gpus > 1 || !pod.models.is_empty()).collect();
        demanding.sort_by(|a, b| b.gpus.cmp(&a.gpus).then_with(|| a.name.cmp(&b.name)));
        let mut free: Vec<(&Node, u64)> = Vec::new();
        for pod in demanding {
            let fits = |node: &Node, gpus: u64| gpus >= pod.gpus && pod.accepts(&node.model);
            let several = if pod.gpus > 1 { pod.gpus } else { 0 };
            if let Some((_, gpus)) = free.iter_mut().find(|(node, gpus)| fits(node, *gpus)) {
                *gpus -= several;
                continue;
            }
            // The smallest that will do, the first of those in the seeded order. None: the trace's
            // cluster could not hold this pod either, and the plan will say so.
            let places = self.waiting.iter().enumerate();
            let smallest = places
                .filter(|(_, (_, node))| fits(node, node.gpus))
                .min_by_key(|(place, (_, node))| (node.gpus, *place));
            if let Some((place, _)) = smallest {
                let node = self.take(place);
                free.push((node, node.gpus - several));
            }
        }
    }

    /// Takes one more node on the way to `wanted` GPUs: of the model that lags most behind its part
    /// among the nodes that do not overshoot, else the smallest there is.
    fn take_towards(&mut self, wanted: u64, parts: &BTreeMap<String, f64>) {
        let missing = wanted.saturating_sub(self.taken);
        let lag = |node: &Node| {
            let part = parts.get(&node.model).copied().unwrap_or(0.0);
            let have = self.by_model.get(node.model.as_str()).copied().unwrap_or(0);
            part * wanted as f64 - have as f64
        };
        let places = || self.waiting.iter().enumerate().map(|(place, (_, node))| (place, *node));
        let lagging = places()
            .filter(|(_, node)| node.gpus <= missing)
            .max_by(|(a, x), (b, y)| lag(x).total_cmp(&lag(y)).then(b.cmp(a)));
        let smallest = || places().min_by_key(|(place, node)| (node.gpus, *place));
        if let Some((place, _)) = lagging.or_else(smallest) {
            self.take(place);
        }
    }
}

/// `94.9%`, rounded down.
fn percent(part: u64, whole: u64) -> String {
    let tenths = u128::from(part) * 1_000 / u128::from(whole.max(1));
    format!("{}.{}%", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn node(name: usize, gpus: u64, model: &str) -> Node {
        Node { name: format!("n{name}"), cpu_milli: 1_000, memory_mib: 1, gpus, model: model.to_owned() }
    }

    fn pod(name: usize, gpus: u64, gpu_milli: u64, models: &[&str]) -> Pod {
        Pod {
            name: format!("p{name}"),
            cpu_milli: 1_000,
            memory_mib: 1,
            gpus,
            gpu_milli,
            models: models.iter().map(|model| (*model).to_owned()).collect::<BTreeSet<_>>(),
            quality: "LS".to_owned(),
        }
    }

    const LOAD: Load = Load { numerator: 95, denominator: 100 };

    /// 19 pods of a whole GPU at 95 % are 20 GPUs exactly, whatever the seed.
    #[test]
    fn the_load_is_met_from_below() {
        let nodes: Vec<Node> = (0..60).map(|at| node(at, [8, 4, 1][at % 3], "t4")).collect();
        let pods: Vec<Pod> = (0..19).map(|at| pod(at, 1, 1_000, &[])).collect();
        for seed in 0..40 {
            let chosen = nodes_at_load(nodes.clone(), &pods, LOAD, &mut Random::new(seed)).unwrap();
            assert_eq!(chosen.iter().map(|node| node.gpus).sum::<u64>(), 20, "seed {seed}");
        }
    }

    /// 10 GPUs asked for need 10.53, so with pairs only it is 12: 83.3 %, the nearest below 95 %.
    #[test]
    fn whole_nodes_only() {
        let nodes: Vec<Node> = (0..9).map(|at| node(at, 2, "t4")).collect();
        let pods: Vec<Pod> = (0..20).map(|at| pod(at, 1, 500, &[])).collect();
        let chosen = nodes_at_load(nodes, &pods, LOAD, &mut Random::new(1)).unwrap();
        assert_eq!(chosen.len(), 6);
    }

    /// Half of the pods accept a model that is a tenth of the cluster: of 100 GPUs, its part is
    /// 50 and a tenth of the other 50, so 55.
    #[test]
    fn named_models_are_kept_in_proportion() {
        let nodes: Vec<Node> =
            (0..1_000).map(|at| node(at, 1, if at < 100 { "a10" } else { "t4" })).collect();
        let pods: Vec<Pod> =
            (0..95).map(|at| pod(at, 1, 1_000, if at % 2 == 0 { &["a10"] } else { &[] })).collect();
        let chosen = nodes_at_load(nodes, &pods, LOAD, &mut Random::new(7)).unwrap();
        assert_eq!(chosen.len(), 100);
        // 48 of the 95 pods name it: (48 + 4.7) / 95 of 100.
        assert_eq!(chosen.iter().filter(|node| node.model == "a10").count(), 55);
    }

    #[test]
    fn a_pod_of_eight_finds_its_node() {
        let mut nodes: Vec<Node> = (0..100).map(|at| node(at, 1, "t4")).collect();
        nodes.push(node(100, 8, "g2"));
        nodes.push(node(101, 8, "g3"));
        let pods = [pod(0, 8, 1_000, &["g3"]), pod(1, 1, 1_000, &[]), pod(2, 1, 500, &["t4"])];
        for seed in 0..20 {
            let chosen = nodes_at_load(nodes.clone(), &pods, LOAD, &mut Random::new(seed)).unwrap();
            assert!(chosen.iter().any(|node| node.model == "g3"));
            // 9.5 GPUs at 95 % are 10.
            assert_eq!(chosen.iter().map(|node| node.gpus).sum::<u64>(), 10);
        }
    }

    #[test]
    fn too_few_gpus_are_said_to_be() {
        let pods = [pod(0, 1, 1_000, &[])];
        let problem = nodes_at_load(vec![node(0, 1, "t4")], &pods, LOAD, &mut Random::new(1));
        assert_eq!(
            problem,
            Err("these pods ask for 1 GPUs, so at this load for 2 in the inventory; the trace has 1.\n  Take fewer with --pods".to_owned())
        );
    }

    #[test]
    fn percents_round_down() {
        assert_eq!(percent(949, 1_000), "94.9%");
        assert_eq!(percent(19_999, 20_000), "99.9%");
    }
}
