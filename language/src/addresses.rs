//! Addresses of things as people read them: runs of integer keys become ranges, `box[1..3]`.

/// `names` with runs of consecutive integer keys joined; order of first appearance within a run kept ascending.
pub fn compress<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut ranges: Vec<(String, Option<(u64, u64)>)> = Vec::new();
    for name in names {
        match split(name) {
            Some((stem, key)) => match ranges.last_mut() {
                Some((last, Some((_, high)))) if last == stem && high.checked_add(1) == Some(key) => {
                    *high = key
                }
                _ => ranges.push((stem.to_owned(), Some((key, key)))),
            },
            None => ranges.push((name.to_owned(), None)),
        }
    }
    ranges
        .into_iter()
        .map(|(stem, range)| match range {
            None => stem,
            Some((low, high)) if low == high => format!("{stem}[{low}]"),
            Some((low, high)) => format!("{stem}[{low}..{high}]"),
        })
        .collect()
}

/// The names that `address` stands for; at most `most` of them, `None` where there are more.
pub fn expand(address: &str, most: usize) -> Option<Vec<String>> {
    let Some((stem, low, high)) = range(address) else { return Some(vec![address.to_owned()]) };
    let count = usize::try_from(high.checked_sub(low)?.checked_add(1)?).ok()?;
    (count <= most).then(|| (low..=high).map(|key| format!("{stem}[{key}]")).collect())
}

fn split(name: &str) -> Option<(&str, u64)> {
    let (stem, key) = name.strip_suffix(']')?.rsplit_once('[')?;
    // `[007]` is another key than `[7]`: only the plain way of writing it can be rebuilt.
    let number: u64 = key.parse().ok()?;
    (number.to_string() == key).then_some((stem, number))
}

fn range(address: &str) -> Option<(&str, u64, u64)> {
    let (stem, keys) = address.strip_suffix(']')?.rsplit_once('[')?;
    let (low, high) = keys.split_once("..")?;
    Some((stem, low.parse().ok()?, high.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{compress, expand};

    #[test]
    fn runs_become_ranges_and_read_back() {
        let names = ["box[1]", "box[2]", "box[3]", "box[7]", "spare", "r[1].h[2]", "r[1].h[3]", "x[007]"];
        let addresses = compress(names);
        assert_eq!(addresses, ["box[1..3]", "box[7]", "spare", "r[1].h[2..3]", "x[007]"]);
        let again: Vec<String> = addresses.iter().flat_map(|address| expand(address, 100).unwrap()).collect();
        assert_eq!(again, names);
        assert_eq!(expand("box[1..4000000000]", 100), None);
        assert_eq!(expand("box[3..1]", 100), None);
    }
}
