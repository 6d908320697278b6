//! The only unsafe code of this crate: what `melior` does not wrap, or wraps so that odd input aborts.

#![allow(unsafe_code)] // The workspace denies it; every use here states why it is sound.

use melior::dialect::DialectHandle;
use melior::ir::attribute::{ArrayAttribute, AttributeLike, FlatSymbolRefAttribute, StringAttribute};
use melior::ir::operation::{OperationLike, OperationPrintingFlags, OperationRef, OperationRefMut};
use melior::ir::{Attribute, Identifier, Module, Operation, Value, ValueLike};
use melior::{Context, PatternRewriter, RewritePattern, RewriterBase, create_op_rewrite_pattern};
use mlir_sys::MlirStringRef;
use std::ffi::CString;

/// Parses and verifies a module, naming it `name` in locations. `None` where it has errors, which the
/// context's diagnostic handler has seen, or where `text` holds a NUL byte.
pub(crate) fn parse<'c>(context: &'c Context, text: &str, name: &str) -> Option<Module<'c>> {
    let text = CString::new(text).ok()?;
    let name = CString::new(name).ok()?;
    // SAFETY: both strings end in NUL and outlive the call; the context outlives the module by 'c. A
    // non-null result is an operation that we own, and `from_operation` takes it over.
    unsafe {
        let raw = mlir_sys::mlirOperationCreateParse(
            context.to_raw(),
            mlir_sys::mlirStringRefCreateFromCString(text.as_ptr()),
            mlir_sys::mlirStringRefCreateFromCString(name.as_ptr()),
        );
        if raw.ptr.is_null() {
            return None;
        }
        Module::from_operation(Operation::from_raw(raw))
    }
}

/// How a trial of MLIR's parser ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trial {
    /// It answered: with a module or with errors.
    Answered,
    /// It took its process down.
    Crashed,
    /// It did not end in time.
    Endless,
}

/// Parses and verifies `text` in a child process, which may end as it likes. `context` makes a context there.
///
/// Parsers and verifiers of dialects that exported modules are written in read memory that is not theirs on some
/// texts; stock `mlir-opt` does so too.
#[cfg(unix)]
pub(crate) fn trial(text: &str, context: impl FnOnce() -> Context) -> Trial {
    // Seconds that the child may take: a thousand times what the largest text needs.
    const LONGEST: libc::c_uint = 60;
    // SAFETY: the child runs MLIR alone, on a context of its own, and leaves by `_exit`, so that nothing of the
    // parent's is run twice. `text::alone` keeps other threads out of MLIR while it is forked, so no lock of MLIR is
    // held in the child by a thread that is not there; the allocator takes care of its own.
    let child = unsafe { libc::fork() };
    match child {
        0 => {
            // SAFETY: both only change the child: no core is dumped, and a parser that never ends is ended.
            unsafe {
                let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
                libc::setrlimit(libc::RLIMIT_CORE, &none);
                for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT, libc::SIGALRM] {
                    libc::signal(signal, libc::SIG_DFL);
                }
                libc::alarm(LONGEST);
            }
            let context = context();
            let handler = context.attach_diagnostic_handler(|_| true);
            let parsed = parse(&context, text, "trial");
            drop(parsed);
            context.detach_diagnostic_handler(handler);
            // SAFETY: ends the child here.
            unsafe { libc::_exit(0) }
        }
        // No process is to be had: what the text does is found out here.
        ..0 => Trial::Answered,
        child => {
            let mut status = 0;
            loop {
                // SAFETY: `status` outlives the call; the child is ours and not waited for anywhere else.
                let ended = unsafe { libc::waitpid(child, &mut status, 0) };
                if ended == child {
                    break;
                }
                if std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
                    return Trial::Answered;
                }
            }
            match (libc::WIFSIGNALED(status), libc::WTERMSIG(status)) {
                (false, _) => Trial::Answered,
                (true, libc::SIGALRM) => Trial::Endless,
                (true, _) => Trial::Crashed,
            }
        }
    }
}

/// Where there is no `fork`, the text is parsed at once.
#[cfg(not(unix))]
pub(crate) fn trial(_: &str, _: impl FnOnce() -> Context) -> Trial {
    Trial::Answered
}

/// A copy of an operation with everything in it, owned by nobody yet.
pub(crate) fn copy_of<'c>(operation: OperationRef<'c, '_>) -> Operation<'c> {
    // SAFETY: the operation is alive for the call; a clone is a new one, which we own.
    unsafe { Operation::from_raw(mlir_sys::mlirOperationClone(operation.to_raw())) }
}

/// The texts of the indexing maps of a structured operation of linalg; none of any other operation.
pub(crate) fn indexing_maps(operation: OperationRef) -> Option<Vec<String>> {
    // SAFETY: the operation is alive; of one that has no such interface the result is null.
    let maps = unsafe { mlir_sys::mlirLinalgGetIndexingMapsAttribute(operation.to_raw()) };
    if maps.ptr.is_null() {
        return None;
    }
    // SAFETY: a non-null result is an attribute, which lives as long as its context.
    let maps = ArrayAttribute::try_from(unsafe { Attribute::from_raw(maps) }).ok()?;
    (0..maps.len()).map(|index| maps.element(index).ok().map(|map| map.to_string())).collect()
}

/// Keeps what a printed module holds of large constants out of its text.
pub(crate) fn without_resources(flags: &OperationPrintingFlags) {
    // SAFETY: the flags are alive; the limit is a count of characters.
    unsafe { mlir_sys::mlirOpPrintingFlagsElideLargeResourceString(flags.to_raw(), 64) };
}

/// Loads dialects that exported modules are written in.
pub(crate) fn load_modules_dialects(context: &Context) {
    DialectHandle::arith().load_dialect(context);
    DialectHandle::cf().load_dialect(context);
    DialectHandle::linalg().load_dialect(context);
    DialectHandle::scf().load_dialect(context);
    DialectHandle::tensor().load_dialect(context);
    // SAFETY: the handles are statics of the linked library, valid for the whole process.
    let (math, programs) = unsafe {
        (
            DialectHandle::from_raw(mlir_sys::mlirGetDialectHandle__math__()),
            DialectHandle::from_raw(mlir_sys::mlirGetDialectHandle__ml_program__()),
        )
    };
    math.load_dialect(context);
    programs.load_dialect(context);
}

/// Loads the dialect that reads dialect definitions.
pub(crate) fn load_irdl(context: &Context) {
    // SAFETY: the handle is a static of the linked library, valid for the whole process.
    let handle = unsafe { DialectHandle::from_raw(mlir_sys::mlirGetDialectHandle__irdl__()) };
    handle.load_dialect(context);
}

/// An operation to be changed in place.
pub(crate) fn mutable<'c, 'a>(operation: OperationRef<'c, 'a>) -> OperationRefMut<'c, 'a> {
    // SAFETY: the operation lives for 'a. MLIR has no notion of exclusive references, contexts here are
    // single-threaded, and callers keep no iterator over what they change.
    unsafe { OperationRefMut::from_raw(operation.to_raw()) }
}

/// The operation that makes a value; none where it is an argument.
pub(crate) fn producer<'c, 'a>(value: Value<'c, 'a>) -> Option<OperationRef<'c, 'a>> {
    if !value.is_operation_result() {
        return None;
    }
    // SAFETY: the value is an operation's result, so it has an owner, which lives for 'a as the value does.
    unsafe { Some(OperationRef::from_raw(mlir_sys::mlirOpResultGetOwner(value.to_raw()))) }
}

/// The operations that use a value, once for each use.
pub(crate) fn users<'c, 'a>(value: Value<'c, 'a>) -> Vec<OperationRef<'c, 'a>> {
    let mut users = Vec::new();
    // SAFETY: uses form a list that ends in null; their owners live for 'a as the value does. Nothing changes the
    // list meanwhile.
    unsafe {
        let mut using = mlir_sys::mlirValueGetFirstUse(value.to_raw());
        while !mlir_sys::mlirOpOperandIsNull(using) {
            users.push(OperationRef::from_raw(mlir_sys::mlirOpOperandGetOwner(using)));
            using = mlir_sys::mlirOpOperandGetNextUse(using);
        }
    }
    users
}

/// A pattern for MLIR's greedy driver: `rewrite` gets every operation called `root`, and says whether it changed
/// anything.
pub(crate) fn pattern(
    context: &Context,
    root: &str,
    rewrite: impl Fn(&Context, OperationRef, &RewriterBase) -> bool + 'static,
) -> RewritePattern {
    create_op_rewrite_pattern(
        root,
        1,
        context,
        move |_, operation, rewriter| {
            // SAFETY: MLIR hands both over alive for the length of this call, and neither leaves it.
            let (operation, rewriter) =
                unsafe { (OperationRef::from_raw(operation), PatternRewriter::from_raw(rewriter)) };
            let owner = operation.context();
            // SAFETY: the context outlives its operations, and `owner` this call, which the reference does not leave.
            let context = unsafe { owner.to_ref() };
            rewrite(context, operation, &rewriter.as_rewriter_base())
        },
        &[],
    )
}

/// The text of an identifier: an operation's or attribute's name, a location's file.
pub(crate) fn identifier(identifier: Identifier) -> String {
    // SAFETY: an identifier's text lives as long as its context, which outlives this call.
    unsafe { copy(mlir_sys::mlirIdentifierStr(identifier.to_raw())) }
}

/// The text of a string attribute.
pub(crate) fn string(attribute: StringAttribute) -> String {
    // SAFETY: the attribute is a string attribute by its type and lives as long as its context.
    unsafe { copy(mlir_sys::mlirStringAttrGetValue(attribute.to_raw())) }
}

/// The name that a symbol reference holds, without `@`.
pub(crate) fn symbol(attribute: FlatSymbolRefAttribute) -> String {
    // SAFETY: the attribute is a flat symbol reference by its type and lives as long as its context.
    unsafe { copy(mlir_sys::mlirFlatSymbolRefAttrGetValue(attribute.to_raw())) }
}

/// A copy of MLIR's bytes; `melior` panics on an empty string and on bytes that are not UTF-8, and both
/// can be written in IR text.
///
/// # Safety
///
/// `text` points to `length` readable bytes, or its length is 0.
unsafe fn copy(text: MlirStringRef) -> String {
    if text.length == 0 {
        return String::new();
    }
    // SAFETY: by this function's contract.
    let bytes = unsafe { std::slice::from_raw_parts(text.data.cast::<u8>(), text.length) };
    String::from_utf8_lossy(bytes).into_owned()
}
