//! The greedy placement of experts that engines ship, after its description (DeepSeek-V3 Technical Report, 2024, section
//! 3.4.2; the README of deepseek-ai/EPLB): the expert whose copies carry the most each gets one copy more, until all slots
//! are taken; then copies, the most loaded first, each go to the device that carries the least of those with a free
//! slot. It does not keep two copies of one expert apart.

/// What the fullest device carries, of loads that copies share evenly.
pub fn fullest(loads: &[u64], devices: usize, slots: usize) -> f64 {
    let mut copies = vec![1_u64; loads.len()];
    let each = |load: u64, count: u64| load as f64 / count as f64;
    for _ in loads.len()..devices * slots {
        let heaviest = (0..loads.len()).max_by(|&one, &other| {
            each(loads[one], copies[one]).total_cmp(&each(loads[other], copies[other]))
        });
        if let Some(expert) = heaviest {
            copies[expert] += 1;
        }
    }
    let of = loads.iter().zip(&copies);
    let mut shares: Vec<f64> = of
        .flat_map(|(load, count)| {
            std::iter::repeat_n(each(*load, *count), usize::try_from(*count).unwrap_or(0))
        })
        .collect();
    shares.sort_by(|one, other| other.total_cmp(one));
    let mut held = vec![(0.0_f64, 0_usize); devices];
    for share in shares {
        let least = held
            .iter_mut()
            .filter(|(_, count)| *count < slots)
            .min_by(|one, other| one.0.total_cmp(&other.0));
        if let Some((load, count)) = least {
            *load += share;
            *count += 1;
        }
    }
    held.into_iter().map(|(load, _)| load).fold(0.0, f64::max)
}
