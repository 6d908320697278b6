//! Whether replicas find room whatever the order in which a scheduler places them, and whoever comes between.
//!
//! A scheduler takes one pod at a time and moves none that stands. So a replica waits only where every machine that it
//! may land on is closed to it: it is full of its own workload, of which only so many may stand on one, or too little of some
//! resource is left. Of `r` replicas that may be `m` on one machine, `f` machines are full only if `f * m` of the others
//! stand there. For want of a resource a machine is closed only if more than `capacity - request` of it is used; taking the
//! machines where that is the least first, all that those ask for who do not fill machines closes so many and no more. Where the
//! two together are fewer than the machines that it may land on, whatever `f`, it never waits. This is enough, not needed: what it
//! does not prove may hold all the same.

use std::collections::BTreeSet;

/// The replicas of one workload, as a scheduler sees them.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// What one asks for, by resource.
    pub request: &'a [u128],
    /// How many there are.
    pub replicas: u64,
    /// Where they may land: by index into the capacities.
    pub machines: &'a BTreeSet<usize>,
    /// No machine ever holds more of them.
    pub most: Option<u64>,
    /// A machine that holds fewer of them is not closed to the next.
    pub open_below: Option<u64>,
}

impl Claim<'_> {
    /// Those that one machine may have to hold.
    fn on_one(&self) -> u128 {
        self.most.unwrap_or(u64::MAX).min(self.replicas).into()
    }
}

/// By claim: its replicas always find room, all others placed before, in any order, wherever they may land. `lost` of the
/// machines that it may land on, whichever, are gone.
pub fn finds_room(claims: &[Claim<'_>], capacity: &[Vec<u128>], lost: u64) -> Vec<bool> {
    let mut loads: Vec<Vec<u128>> = capacity.iter().map(|machine| vec![0; machine.len()]).collect();
    for claim in claims {
        for machine in claim.machines {
            for (load, request) in loads[*machine].iter_mut().zip(claim.request) {
                *load += request * claim.on_one();
            }
        }
    }
    (0..claims.len()).map(|index| stays_open(claims, index, capacity, &loads, lost)).collect()
}

/// Fewer machines can be closed to the last replica of a claim than it may land on. `loads` are what each would hold if
/// everybody who may land there did.
fn stays_open(
    claims: &[Claim<'_>],
    index: usize,
    capacity: &[Vec<u128>],
    loads: &[Vec<u128>],
    lost: u64,
) -> bool {
    let claim = &claims[index];
    let Some(before) = claim.replicas.checked_sub(1) else { return true };
    let Some(machines) = (claim.machines.len() as u64).checked_sub(lost) else { return false };
    let asked: Vec<usize> = (0..claim.request.len()).filter(|of| claim.request[*of] > 0).collect();
    let is_short = |machine: &usize, of: usize| loads[*machine][of] > capacity[*machine][of];
    let can_close: Vec<usize> = claim
        .machines
        .iter()
        .copied()
        .filter(|machine| asked.iter().any(|of| is_short(machine, *of)))
        .collect();
    let fills = claim.open_below.map(|most| most.max(1));
    let full = fills.map_or(0, |most| before / most);
    if full.saturating_add(can_close.len() as u64) < machines {
        return true;
    }
    let closings: Vec<Closing> = asked
        .iter()
        .map(|of| {
            let short = can_close.iter().filter(|machine| is_short(machine, *of));
            Closing::new(claims, index, *of, short.map(|machine| capacity[*machine][*of]))
        })
        .collect();
    (0..=full).all(|full| {
        // Where one fills a machine, none stands on a machine that is not full.
        let others = match fills {
            None => before,
            Some(1) => 0,
            Some(most) => before - full * most,
        };
        let short: u64 = closings.iter().map(|closing| closing.machines(others)).sum();
        full + short.min(can_close.len() as u64) < machines
    })
}

/// Machines that can be closed to a claim for want of one resource.
struct Closing {
    /// What has to be used of it on so many of them, at least: on one, on two, and so on.
    prices: Vec<u128>,
    /// What all other claims use at most.
    others: u128,
    /// What a replica of the claim itself uses.
    own: u128,
}

impl Closing {
    /// Of a resource, on machines of these capacities.
    fn new(claims: &[Claim<'_>], index: usize, of: usize, capacities: impl Iterator<Item = u128>) -> Self {
        let claim = &claims[index];
        let request = claim.request[of];
        let others = claims.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, other)| other);
        let asking: Vec<(u128, u128)> = others
            .map(|other| (other.request[of], landing_among(other, claim.machines)))
            .filter(|(request, count)| *request > 0 && *count > 0)
            .collect();
        // What is used is a multiple of what all requests are multiples of.
        let step = asking.iter().fold(request, |step, (request, _)| common_divisor(step, *request));
        let mut prices: Vec<u128> = capacities
            .map(|capacity| (capacity + 1).saturating_sub(request).next_multiple_of(step))
            .collect();
        prices.sort_unstable();
        // A replica that is larger than it takes closes one machine all the same.
        let dearest = prices.last().copied().unwrap_or(0);
        let mut sum = 0;
        for price in &mut prices {
            sum += *price;
            *price = sum;
        }
        let others = asking.iter().map(|(request, count)| dearest.min(*request) * count).sum();
        Self { prices, others, own: dearest.min(request) }
    }

    /// How many, with so many replicas of the claim itself on them.
    fn machines(&self, own: u64) -> u64 {
        let used = self.others + self.own * u128::from(own);
        self.prices.partition_point(|price| *price <= used) as u64
    }
}

/// Replicas of `claim` that can stand on `machines`, together.
fn landing_among(claim: &Claim<'_>, machines: &BTreeSet<usize>) -> u128 {
    let shared = claim.machines.intersection(machines).count() as u128;
    let most = claim.most.map_or(u128::MAX, |most| u128::from(most).saturating_mul(shared));
    if shared == 0 { 0 } else { most.min(claim.replicas.into()) }
}

/// The greatest, by Euclid.
fn common_divisor(left: u128, right: u128) -> u128 {
    if right == 0 { left } else { common_divisor(right, left % right) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from a seed.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap() % bound
        }
    }

    /// Resources asked for, replicas, machines, the most on one.
    type Asked = (Vec<u128>, u64, BTreeSet<usize>, Option<u64>);

    fn all_find_room(asked: &[Asked], capacity: &[Vec<u128>], lost: u64) -> bool {
        let claims: Vec<Claim<'_>> = asked
            .iter()
            .map(|of| Claim { request: &of.0, replicas: of.1, machines: &of.2, most: of.3, open_below: of.3 })
            .collect();
        finds_room(&claims, capacity, lost).into_iter().all(|finds| finds)
    }

    /// Places replicas one by one in a random order, each on a random machine that takes it, `lost` having no room at
    /// all: whether all are placed.
    fn placed(asked: &[Asked], capacity: &[Vec<u128>], lost: Option<usize>, random: &mut Random) -> bool {
        let mut left = capacity.to_vec();
        let mut standing = vec![vec![0u64; capacity.len()]; asked.len()];
        let mut queue: Vec<usize> = asked
            .iter()
            .enumerate()
            .flat_map(|(index, of)| vec![index; usize::try_from(of.1).unwrap()])
            .collect();
        while !queue.is_empty() {
            let next = queue.swap_remove(random.below(queue.len()));
            let (request, _, machines, most) = &asked[next];
            let takes = |machine: &usize| {
                Some(*machine) != lost
                    && most.is_none_or(|most| standing[next][*machine] < most)
                    && request.iter().zip(&left[*machine]).all(|(wanted, left)| wanted <= left)
            };
            let open: Vec<usize> = machines.iter().copied().filter(takes).collect();
            if open.is_empty() {
                return false;
            }
            let machine = open[random.below(open.len())];
            standing[next][machine] += 1;
            for (left, wanted) in left[machine].iter_mut().zip(request) {
                *left -= wanted;
            }
        }
        true
    }

    /// Random fleets of two resources. Where it is proved that all find room, no order leaves one out, with a machine
    /// lost where that is proved too; and there are fleets of both kinds, full ones among them.
    #[test]
    fn what_is_proved_holds_in_every_order() {
        let mut random = Random(7);
        let (mut proved, mut full, mut proved_with_loss, mut left_out) = (0, 0, 0, 0);
        for _ in 0..4_000 {
            let machines = 2 + random.below(5);
            let capacity: Vec<Vec<u128>> = (0..machines)
                .map(|_| vec![4 + random.below(5) as u128, 4 + random.below(9) as u128])
                .collect();
            let asked: Vec<Asked> = (0..1 + random.below(4))
                .map(|_| {
                    let mut on: BTreeSet<usize> = (0..machines).filter(|_| random.below(3) > 0).collect();
                    on.insert(random.below(machines));
                    let most = (random.below(2) == 0).then(|| 1 + random.below(2) as u64);
                    let slots = most.map_or(7, |most| on.len() as u64 * most);
                    let replicas = 1 + random.below(usize::try_from(slots).unwrap()) as u64;
                    (vec![random.below(5) as u128, random.below(4) as u128], replicas, on, most)
                })
                .collect();
            let holds = all_find_room(&asked, &capacity, 0);
            let holds_with_loss = all_find_room(&asked, &capacity, 1);
            assert!(holds || !holds_with_loss);
            for _ in 0..20 {
                let all = placed(&asked, &capacity, None, &mut random);
                assert!(all || !holds, "{asked:?} on {capacity:?}");
                left_out += u32::from(!all);
                let lost = random.below(machines);
                assert!(
                    placed(&asked, &capacity, Some(lost), &mut random) || !holds_with_loss,
                    "{asked:?}, {lost}"
                );
            }
            let used: u128 = asked.iter().map(|of| of.0[0] * u128::from(of.1)).sum();
            let there: u128 = capacity.iter().map(|machine| machine[0]).sum();
            proved += u32::from(holds);
            full += u32::from(holds && used * 10 >= there * 7);
            proved_with_loss += u32::from(holds_with_loss);
        }
        let counts = [proved, full, proved_with_loss, left_out];
        assert!(counts.iter().all(|count| *count > 20), "{counts:?}");
    }

    /// One size always fits where there is enough; two sizes need more, or to be kept apart.
    #[test]
    fn a_small_replica_takes_the_place_of_a_large_one() {
        let capacity = vec![vec![4]; 4];
        let everywhere: BTreeSet<usize> = (0..4).collect();
        let large = |machines: &BTreeSet<usize>, count| (vec![4], count, machines.clone(), None);
        let small = |machines: &BTreeSet<usize>, count| (vec![1], count, machines.clone(), None);
        assert!(all_find_room(&[large(&everywhere, 4)], &capacity, 0));
        assert!(!all_find_room(&[large(&everywhere, 4)], &capacity, 1));
        // Each of two small ones may stand in the way of a large one.
        assert!(all_find_room(&[large(&everywhere, 2), small(&everywhere, 1)], &capacity, 1));
        assert!(!all_find_room(&[large(&everywhere, 3), small(&everywhere, 2)], &capacity, 0));
        let (left, right): (BTreeSet<usize>, BTreeSet<usize>) = ((0..3).collect(), (3..4).collect());
        assert!(all_find_room(&[large(&left, 3), small(&right, 4)], &capacity, 0));
    }
}
