//! Statements, bodies and the comments between them, line by line.

use super::expressions::{Head, Taker};
use super::layout::Page;
use super::marks::Mark;
use super::{INDENT, WIDTH};
use crate::syntax::ast::{If, Item};

/// The settled text of `items`, which is written with `marks`.
pub(super) fn settled<'m>(marks: &'m [Mark<'m>], items: &[Item]) -> String {
    let mut writer = Writer { taker: Taker::new(marks), page: Page::new() };
    writer.items(items, 0);
    writer.page.lead(writer.taker.next(), 0);
    writer.page.finish()
}

struct Writer<'m> {
    taker: Taker<'m>,
    page: Page,
}

impl Writer<'_> {
    fn items(&mut self, items: &[Item], indent: usize) {
        for item in items {
            self.page.lead(self.taker.next(), indent);
            match item {
                Item::If(if_) => self.choices(item, if_, indent),
                Item::Use(use_) => self.with_body(item, use_.body.as_deref(), indent),
                Item::Block(block) => self.with_body(item, block.items.as_deref(), indent),
                _ => self.with_body(item, None, indent),
            }
        }
    }

    fn head(&mut self, head: &Head<'_>, indent: usize, after: &str) {
        self.page.crowded = head.crowded;
        self.page.lay(&head.doc, indent, after.len());
    }

    fn with_body(&mut self, item: &Item, body: Option<&[Item]>, indent: usize) {
        let head = self.taker.head(item);
        self.head(&head, indent, if body.is_some() { " {" } else { "" });
        match body {
            None => {}
            Some([only]) if has_no_body(only) && self.is_on_one_line() => self.short_body(only, indent),
            Some(body) => self.body(body, indent),
        }
    }

    /// `if`, all its `else if` and `else`: each body has lines of its own.
    fn choices(&mut self, item: &Item, if_: &If, indent: usize) {
        let head = self.taker.head(item);
        self.head(&head, indent, " {");
        self.body(&if_.then, indent);
        let mut otherwise = if_.otherwise.as_slice();
        while self.taker.next().text == "else" {
            let next = match otherwise {
                [Item::If(next)] if self.taker.next().start == next.span.start as usize => Some(next),
                _ => None,
            };
            let head = self.taker.otherwise(next.map(|next| &next.condition));
            self.page.blank();
            self.head(&head, indent, " {");
            self.body(next.map_or(otherwise, |next| &next.then), indent);
            otherwise = next.map_or(&[], |next| next.otherwise.as_slice());
        }
    }

    /// The body that is next, one statement a line.
    fn body(&mut self, items: &[Item], indent: usize) {
        self.open();
        let is_empty = items.is_empty() && self.taker.next().comments.is_empty();
        if !is_empty {
            self.page.opened();
            self.items(items, indent + INDENT);
            self.page.lead(self.taker.next(), indent + INDENT);
            self.page.line(indent);
        }
        self.close();
    }

    /// The body that is next, on the line of its head if it fits there.
    fn short_body(&mut self, item: &Item, indent: usize) {
        self.open();
        let first = self.taker.next();
        let head = self.taker.head(item);
        let room = WIDTH.saturating_sub(self.page.column() + "  }".len());
        if head.doc.fits(room) {
            self.page.blank();
            self.head(&head, indent, " }");
            self.page.blank();
        } else {
            self.page.lead(first, indent + INDENT);
            self.head(&head, indent + INDENT, "");
            self.page.line(indent);
        }
        self.close();
    }

    /// The body that is next was written on one line.
    fn is_on_one_line(&self) -> bool {
        let [opener, first] = self.taker.next_two();
        let closer = self.taker.closer();
        !opener.newline && !first.newline && closer.is_some_and(|closer| !closer.newline)
    }

    fn open(&mut self) {
        self.page.blank();
        self.page.put("{");
        self.taker.skip();
    }

    fn close(&mut self) {
        self.page.put("}");
        self.taker.skip();
    }
}

/// It has no body and is no choice between bodies.
fn has_no_body(item: &Item) -> bool {
    match item {
        Item::If(_) => false,
        Item::Use(use_) => use_.body.is_none(),
        Item::Block(block) => block.items.is_none(),
        _ => true,
    }
}
