//! Work that waits for an API server more than it computes, several pieces at a time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Pieces that are worked on at once: enough that a server on the other side of a continent is kept busy, and a small
/// part of the 400 requests that one answers at a time by default.
pub const WIDTH: usize = 16;

/// What `work` makes of each item, in their order, of at most [`WIDTH`] at a time. `done` hears of each as it is done. After one
/// has failed none is begun any more; those that are on their way come to their end.
///
/// # Errors
/// What the first of the items that failed, in their order, failed with.
pub fn side_by_side<Item: Sync, Made: Send, Error: Send>(
    items: &[Item],
    work: impl Fn(&Item) -> Result<Made, Error> + Sync,
    mut done: impl FnMut(&Item),
) -> Result<Vec<Made>, Error> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, made) = mpsc::channel();
    let mut all: Vec<(usize, Result<Made, Error>)> = Vec::with_capacity(items.len());
    thread::scope(|scope| {
        for _ in 0..WIDTH.min(items.len()) {
            let (sender, next, failed, work) = (sender.clone(), &next, &failed, &work);
            scope.spawn(move || {
                while !failed.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { return };
                    let outcome = work(item);
                    failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
                    // It is heard as long as anything is on its way.
                    let _ = sender.send((at, outcome));
                }
            });
        }
        drop(sender);
        for (at, outcome) in made {
            if outcome.is_ok() {
                done(&items[at]);
            }
            all.push((at, outcome));
        }
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, outcome)| outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::{Barrier, Mutex};

    #[test]
    fn in_order_and_all_are_heard_of() {
        let items: Vec<usize> = (0..100).collect();
        let mut heard = BTreeSet::new();
        let doubled = side_by_side(&items, |item| Ok::<_, ()>(2 * item), |item| _ = heard.insert(*item));
        assert_eq!(doubled, Ok(items.iter().map(|item| 2 * item).collect()));
        assert_eq!(heard.into_iter().collect::<Vec<_>>(), items);
        assert_eq!(side_by_side(&[], |()| Err::<(), ()>(()), |()| ()), Ok(vec![]));
    }

    #[test]
    fn as_many_at_once_as_the_width_says() {
        // Nobody passes before all are there: fewer would wait for ever.
        let all_there = Barrier::new(WIDTH);
        let outcome = side_by_side(&[(); 2 * WIDTH], |()| Ok::<_, ()>(all_there.wait().is_leader()), |()| ());
        assert_eq!(outcome.unwrap().into_iter().filter(|leader| *leader).count(), 2);
    }

    #[test]
    fn the_first_that_fails_is_told_and_few_are_begun_after_it() {
        let items: Vec<usize> = (0..1_000).collect();
        let begun = Mutex::new(Vec::new());
        let work = |item: &usize| {
            begun.lock().unwrap().push(*item);
            if *item >= 20 { Err(*item) } else { Ok(()) }
        };
        assert_eq!(side_by_side(&items, work, |_| ()), Err(20));
        assert!(begun.into_inner().unwrap().len() <= 20 + WIDTH);
    }
}
