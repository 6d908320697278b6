//! Solving a HiGHS model while watching it: cancellation and progress through its callbacks.
//!
//! The only file of this crate with unsafe code: the callbacks exist in the C interface alone.
#![allow(unsafe_code, reason = "HiGHS offers callbacks in its C interface only")]

use berth_compiler::solving::Cancellation;
use highs::{HighsStatus, Model, SolvedModel};
use highs_sys::{
    Highs_setCallback, Highs_startCallback, Highs_version, HighsCallbackDataIn, HighsCallbackDataOut,
    HighsInt, kHighsCallbackMipImprovingSolution, kHighsCallbackMipInterrupt, kHighsCallbackSimplexInterrupt,
};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is looked at while HiGHS works.
pub(crate) struct Watcher<'w> {
    pub cancellation: &'w Cancellation,
    /// Called with the objective and the bound at each better solution.
    pub improved: Option<&'w mut dyn FnMut(f64, f64)>,
}

/// Solves; ends early where the watcher is cancelled.
pub(crate) fn solve_watched(mut model: Model, watcher: &mut Watcher) -> Result<SolvedModel, HighsStatus> {
    let data: *mut Watcher = watcher;
    // SAFETY: the model pointer is valid while `model` lives. `data` points at a `Watcher` that outlives
    // the solve below; after it the callback is removed, so that HiGHS keeps no pointer to it. Where the
    // solve fails, `try_solve` drops the HiGHS object, and the pointer with it.
    unsafe {
        Highs_setCallback(model.as_mut_ptr(), Some(callback), data.cast::<c_void>());
        for kind in
            [kHighsCallbackMipInterrupt, kHighsCallbackSimplexInterrupt, kHighsCallbackMipImprovingSolution]
        {
            Highs_startCallback(model.as_mut_ptr(), kind as HighsInt);
        }
    }
    let mut solved = model.try_solve()?;
    // SAFETY: the pointer is valid while `solved` lives; no callback runs now.
    unsafe {
        Highs_setCallback(solved.as_mut_ptr(), None, std::ptr::null_mut());
    }
    Ok(solved)
}

/// `HiGHS 1.15.0`
pub(crate) fn solver_name() -> String {
    // SAFETY: HiGHS returns a string that lives as long as the program.
    let version = unsafe { CStr::from_ptr(Highs_version()) };
    format!("HiGHS {}", version.to_string_lossy())
}

unsafe extern "C" fn callback(
    kind: c_int,
    _message: *const c_char,
    output: *const HighsCallbackDataOut,
    input: *mut HighsCallbackDataIn,
    data: *mut c_void,
) {
    if data.is_null() {
        return;
    }
    // SAFETY: `data` is the watcher that `solve_watched` gave, borrowed mutably there for as long as
    // callbacks run, and HiGHS runs with one thread, so this is the only reference.
    let watcher = unsafe { &mut *data.cast::<Watcher>() };
    if kind == kHighsCallbackMipImprovingSolution as c_int && !output.is_null() {
        // SAFETY: HiGHS passes a valid record for the length of the call.
        let (objective, bound) = unsafe { ((*output).mip_primal_bound, (*output).mip_dual_bound) };
        // A panic must not cross into C++; it would only lose a line of progress.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            if let Some(improved) = &mut watcher.improved {
                improved(objective, bound);
            }
        }));
    }
    let may_interrupt =
        kind == kHighsCallbackMipInterrupt as c_int || kind == kHighsCallbackSimplexInterrupt as c_int;
    if may_interrupt && !input.is_null() && watcher.cancellation.is_cancelled() {
        // SAFETY: HiGHS passes a valid record for the length of the call.
        unsafe { (*input).user_interrupt = 1 };
    }
}
