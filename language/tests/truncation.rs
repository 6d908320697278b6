//! A file that ends anywhere: every example and every file of the catalog, cut at every byte, is read and checked,
//! with no more work than the whole file takes.

// Work is counted by the allocator, since a clock tells of the machine.
#![allow(unsafe_code)]

#[path = "../../tests/fuzz/laws.rs"]
mod laws;

#[path = "support/texts.rs"]
mod texts;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counting what each thread asks for.
struct Counting;

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATED.try_with(|sum| sum.set(sum.get() + layout.size()));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that `work` asks for.
fn cost(work: impl FnOnce()) -> usize {
    let before = ALLOCATED.get();
    work();
    ALLOCATED.get() - before
}

#[test]
fn at_every_byte() {
    let check = |bytes: &[u8]| drop(laws::check_one(bytes));
    for folder in ["examples", "language/catalog"] {
        for path in texts::files(folder, "berth") {
            let bytes = std::fs::read(&path).expect("a plan file");
            let whole = cost(|| check(&bytes));
            for end in 0..bytes.len() {
                let part = cost(|| check(&bytes[..end]));
                // A message or two more than the whole file has, with the text that they quote.
                let most = 2 * whole + 64 * bytes.len() + (1 << 16);
                assert!(part <= most, "{} cut at {end}: {part} bytes, the whole {whole}", path.display());
            }
        }
    }
}
