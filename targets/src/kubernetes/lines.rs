//! Which line of a plan file asked for what in an object.

use berth_compiler::plan::autoscaling::Line;
use berth_compiler::plan::objects::{Asked, ObjectEntry};
use berth_compiler::plan::written::file_name;
use berth_language::model::Service;
use berth_language::sources::Sources;
use berth_language::span::Span;
use serde_json::Value;

/// Who asked for what in one object.
pub struct Lines<'a> {
    sources: &'a Sources,
    asked: Vec<Asked>,
}

impl<'a> Lines<'a> {
    /// Nobody has asked for anything yet.
    pub fn new(sources: &'a Sources) -> Self {
        Self { sources, asked: Vec::new() }
    }

    /// The line at `span` states what stands at `pointer`.
    pub fn asked(&mut self, pointer: &str, span: Span) {
        self.note(pointer, span, self.text(span));
    }

    /// What stands at `pointer` was decided as `decided` says, else the line at `span` states it.
    pub fn asked_or_decided(&mut self, pointer: &str, span: Span, decided: Option<&str>) {
        match decided {
            Some(decided) => self.note(pointer, span, decided.to_owned()),
            None => self.asked(pointer, span),
        }
    }

    /// What stands at `pointer` was decided, within the line at `span`.
    pub fn decided(&mut self, pointer: &str, span: Span) {
        let text = format!("decided within: {}", self.text(span));
        self.note(pointer, span, text);
    }

    /// What stands at `pointer` is how many replicas of a service were decided.
    pub fn count(&mut self, pointer: &str, service: &Service) {
        match service.replicas.first() {
            Some(bound) if bound.pinned => self.asked(pointer, bound.span),
            bound => self.decided(pointer, bound.map_or(service.span, |bound| bound.span)),
        }
    }

    /// Another line asks for what stands at `pointer`.
    pub fn stated(&mut self, pointer: &str, line: &Line) {
        let Line { file, line, text } = line.clone();
        self.asked.push(Asked { pointer: pointer.into(), file, line, text });
    }

    /// Why what stands at `pointer` does, in words, with the line that it goes back to.
    pub fn note(&mut self, pointer: &str, span: Span, text: String) {
        let (line, _) = self.sources.position(span);
        self.asked.push(Asked { pointer: pointer.into(), file: file_name(self.sources, span), line, text });
    }

    /// The service's container stands at `place` among others.
    pub fn moved(&mut self, place: usize) {
        const FIRST: &str = "/spec/template/spec/containers/0";
        for asked in &mut self.asked {
            if let Some(inner) = asked.pointer.strip_prefix(FIRST) {
                asked.pointer = format!("/spec/template/spec/containers/{place}{inner}");
            }
        }
    }

    /// All that `inner` has, of an object that stands at `place` in this one; what asks for the whole of it is left out.
    pub fn nested(&mut self, inner: Self, place: &str) {
        let parts = inner.asked.into_iter().filter(|asked| asked.pointer.starts_with("/spec"));
        self.asked.extend(parts.map(|asked| Asked { pointer: format!("{place}{}", asked.pointer), ..asked }));
    }

    fn text(&self, span: Span) -> String {
        self.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The object of a service or job, or of none, with all of that.
    pub fn entry(self, service: Option<&str>, manifest: Value) -> ObjectEntry {
        ObjectEntry { service: service.map(str::to_owned), asked: self.asked, manifest }
    }
}
