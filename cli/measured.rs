//! What a run cost, as the kernel counts it.

use std::fs;

/// Seconds of processor time and the largest resident size of this process; 0 where the kernel does not tell.
pub fn processor_and_memory() -> (f64, u64) {
    (processor_seconds().unwrap_or(0.0), peak_bytes().unwrap_or(0))
}

fn processor_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

fn peak_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024)
}
