//! The only unsafe code of this crate: what `melior` does not wrap, or wraps so that odd input aborts.

#![allow(unsafe_code)] // The workspace denies it; every use here states why it is sound.

use melior::Context;
use melior::dialect::DialectHandle;
use melior::ir::attribute::{AttributeLike, FlatSymbolRefAttribute, StringAttribute};
use melior::ir::operation::{OperationRef, OperationRefMut};
use melior::ir::{Identifier, Module, Operation};
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
