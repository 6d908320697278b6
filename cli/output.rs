//! The two streams. A reader that goes away, `| head -1`, ends the program quietly; a full disk is an error.
//!
//! The macros have the names of the standard ones, which panic instead.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _, stderr, stdout};

macro_rules! print {
    ($($text:tt)*) => { $crate::output::answer(format_args!($($text)*)) };
}

macro_rules! println {
    ($($text:tt)*) => { $crate::output::answer(format_args!("{}\n", format_args!($($text)*))) };
}

macro_rules! eprintln {
    ($($text:tt)*) => { $crate::output::remark(format_args!("{}\n", format_args!($($text)*))) };
}

/// Writes to standard output.
pub fn answer(text: Arguments<'_>) {
    let written = stdout().write_fmt(text).and_then(|()| stdout().flush());
    if let Err(error) = written {
        if error.kind() == ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        remark(format_args!("error: the answer cannot be written: {error}\n"));
        std::process::exit(1);
    }
}

/// Writes to standard error; where nobody takes it there is nobody left to tell.
pub fn remark(text: Arguments<'_>) {
    let _ = stderr().write_fmt(text);
}
