//! Layouts, and where their lines end.

use super::marks::{Comment, Mark};
use super::{INDENT, WIDTH};

/// A piece of a statement with the places where its lines may end.
#[derive(Debug)]
pub(super) struct Doc<'m> {
    form: Form<'m>,
    /// Characters on one line; `None` where a line must end inside.
    width: Option<usize>,
    /// Characters up to the first place where a line may end, or all.
    lead: usize,
    /// A line may end inside.
    breaks: bool,
    /// Characters up to the bracket or colon at which the piece would rather be broken than before it.
    open: Option<usize>,
}

#[derive(Debug)]
enum Form<'m> {
    Word(Word<'m>),
    /// One blank.
    Blank,
    /// One after the other.
    Row(Vec<Doc<'m>>),
    Bracket(Bracket<'m>),
    Chain(Chain<'m>),
}

/// A mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'m> {
    pub mark: &'m Mark<'m>,
    /// Its comments are laid out with it, not before it.
    pub with_comments: bool,
}

/// What stands in brackets: on one line, or one entry a line.
#[derive(Debug)]
pub(super) struct Bracket<'m> {
    pub opener: Word<'m>,
    pub entries: Vec<Entry<'m>>,
    pub closer: &'m Mark<'m>,
    /// A comma may follow the last entry.
    pub may_end_with_comma: bool,
    /// A line ends, or a comment stands, between the entries or beside the brackets.
    pub broken: bool,
    /// The only entry is itself a list, whose brackets stay beside these.
    pub hugs: bool,
}

/// An entry of a bracket.
#[derive(Debug)]
pub(super) struct Entry<'m> {
    /// The mark it starts with, whose comments come before it.
    pub first: &'m Mark<'m>,
    pub doc: Doc<'m>,
    /// The comma after it, where one is written.
    pub comma: Option<&'m Mark<'m>>,
}

/// Parts between which lines may end: all on one line, or one part a line.
#[derive(Debug)]
pub(super) struct Chain<'m> {
    pub parts: Vec<Part<'m>>,
    /// Blanks by which all parts but the first are indented when broken.
    pub indent: usize,
    /// It stands in no brackets, where few lines may end.
    pub outside: bool,
    /// Where the last part is too long and has brackets, these break rather than the chain.
    pub last_may_break: bool,
}

/// A part of a chain.
#[derive(Debug)]
pub(super) struct Part<'m> {
    /// The mark it starts with, whose comments come before it; not read for the first part.
    pub first: &'m Mark<'m>,
    /// The user ended a line beside the operator before it.
    pub newline: bool,
    pub doc: Doc<'m>,
}

impl<'m> Doc<'m> {
    pub(super) fn word(word: Word<'m>) -> Self {
        let width = word.mark.text.chars().count();
        let is_one_line = !word.with_comments || word.mark.comments.is_empty();
        let width_of_line = is_one_line.then_some(width);
        Self { form: Form::Word(word), width: width_of_line, lead: width, breaks: false, open: None }
    }

    pub(super) fn blank() -> Self {
        Self { form: Form::Blank, width: Some(1), lead: 1, breaks: false, open: None }
    }

    pub(super) fn row(docs: Vec<Doc<'m>>) -> Self {
        let width = docs.iter().map(|doc| doc.width).sum();
        let open = opening(docs.iter(), 0);
        let lead = lead(&docs, 0);
        let breaks = docs.iter().any(|doc| doc.breaks);
        Self { form: Form::Row(docs), width, lead, breaks, open }
    }

    pub(super) fn bracket(bracket: Bracket<'m>) -> Self {
        let entries = &bracket.entries;
        let inner: Option<usize> = entries.iter().map(|entry| entry.doc.width).sum();
        let commas = entries.len().saturating_sub(1) * 2;
        let forced = bracket.broken && !bracket.hugs;
        let opener = Doc::word(bracket.opener);
        let width = if forced { None } else { opener.width.and(inner).map(|inner| inner + commas + 2) };
        let opener = opener.lead;
        let only = match entries.as_slice() {
            [only] => Some(&only.doc),
            _ => None,
        };
        // A short word gains nothing by a line of its own.
        let is_short = only.is_none_or(|only| !only.breaks && only.lead < WIDTH / 4);
        let breaks = forced || entries.len() > 1 || !is_short;
        let open = match only {
            Some(only) if bracket.hugs => only.open.map(|open| opener + open),
            _ => breaks.then_some(opener),
        };
        let lead = if breaks { opener } else { opener + inner.unwrap_or(0) + 1 };
        Self { form: Form::Bracket(bracket), width, lead, breaks, open }
    }

    pub(super) fn chain(chain: Chain<'m>) -> Self {
        let blanks = chain.parts.len().saturating_sub(1);
        let inner: Option<usize> = chain.parts.iter().map(|part| part.doc.width).sum();
        let width = if chain.is_broken() { None } else { inner.map(|inner| inner + blanks) };
        let first = chain.parts.first().map_or(0, |part| part.doc.lead);
        let open = chain.open();
        Self { form: Form::Chain(chain), width, lead: first, breaks: true, open }
    }

    /// Whether all of it can stand on one line of `room` characters.
    pub(super) fn fits(&self, room: usize) -> bool {
        self.width.is_some_and(|width| width <= room)
    }
}

impl Chain<'_> {
    /// A line ends, or a comment stands, between two parts.
    fn is_broken(&self) -> bool {
        self.parts.iter().skip(1).any(|part| part.newline)
    }

    /// A line must end inside of a part.
    fn is_broken_inside(&self) -> bool {
        self.parts.iter().any(|part| part.doc.width.is_none())
    }

    fn open(&self) -> Option<usize> {
        match (self.is_broken(), self.last_may_break) {
            (true, true) => None,
            (false, _) if self.last_may_break || self.is_broken_inside() => {
                opening(self.parts.iter().map(|part| &part.doc), 1)
            }
            _ => self.parts.first()?.doc.width,
        }
    }
}

/// Where `docs`, with `between` characters between them, would rather be broken: in the one that must be,
/// else in the last one.
fn opening<'d, 'm: 'd>(
    docs: impl DoubleEndedIterator<Item = &'d Doc<'m>> + Clone,
    between: usize,
) -> Option<usize> {
    let mut forced = docs.clone().filter(|doc| doc.width.is_none());
    let first_forced = forced.next();
    if forced.next().is_some() {
        return None;
    }
    let chosen = first_forced.or_else(|| docs.clone().next_back())?;
    let before = docs.take_while(|doc| !std::ptr::eq(*doc, chosen));
    let before: usize = before.map(|doc| doc.width.unwrap_or(0) + between).sum();
    chosen.open.map(|open| before + open)
}

/// Characters of `docs` and then `after`, up to the first place where a line may end.
fn lead(docs: &[Doc<'_>], after: usize) -> usize {
    let mut sum = 0;
    for doc in docs {
        sum += doc.lead;
        if doc.breaks {
            return sum;
        }
    }
    sum + after
}

/// Lines that are settled, and what comes before the next character.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    /// Characters of the last line.
    column: usize,
    pending: Pending,
    /// Nothing stands yet in this body, list or file.
    opened: bool,
    /// Lines end outside of brackets only where the user ended them.
    pub crowded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Pending {
    Nothing,
    Blank,
    /// A new line, perhaps with an empty one before it, that starts after `indent` blanks.
    Line {
        indent: usize,
        empty: bool,
    },
}

impl Page {
    pub(super) fn new() -> Self {
        Self { text: String::new(), column: 0, pending: Pending::Nothing, opened: true, crowded: false }
    }

    /// All lines, each with its end.
    pub(super) fn finish(mut self) -> String {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text
    }

    /// Where the next character stands.
    pub(super) fn column(&self) -> usize {
        match self.pending {
            Pending::Nothing => self.column,
            Pending::Blank => self.column + 1,
            Pending::Line { indent, .. } => indent,
        }
    }

    pub(super) fn blank(&mut self) {
        if self.pending == Pending::Nothing {
            self.pending = Pending::Blank;
        }
    }

    pub(super) fn line(&mut self, indent: usize) {
        self.pending = Pending::Line { indent, empty: false };
    }

    /// A body, list or file starts here.
    pub(super) fn opened(&mut self) {
        self.opened = true;
    }

    pub(super) fn put(&mut self, text: &str) {
        match self.pending {
            Pending::Nothing => {}
            Pending::Blank => {
                self.text.push(' ');
                self.column += 1;
            }
            Pending::Line { indent, empty } => {
                if !self.text.is_empty() {
                    self.text.push_str(if empty { "\n\n" } else { "\n" });
                }
                self.text.extend(std::iter::repeat_n(' ', indent));
                self.column = indent;
            }
        }
        self.pending = Pending::Nothing;
        self.opened = false;
        self.text.push_str(text);
        self.column += text.chars().count();
    }

    /// The comments before `mark`, then a line for it; an empty line before any of them stays.
    pub(super) fn lead(&mut self, mark: &Mark<'_>, indent: usize) {
        self.comments(&mark.comments, indent);
        self.pending = Pending::Line { indent, empty: mark.blank && !self.opened };
    }

    fn comments(&mut self, comments: &[Comment<'_>], indent: usize) {
        for comment in comments {
            let trails = !comment.own_line && !matches!(self.pending, Pending::Line { .. });
            let opened = self.opened;
            self.pending = if trails {
                Pending::Blank
            } else {
                Pending::Line { indent, empty: comment.blank && !opened }
            };
            self.put(comment.text);
            self.opened = opened && trails;
            self.line(indent);
        }
    }

    /// Lays out `doc` in lines of the level `indent`, with `after` characters to stand behind it.
    pub(super) fn lay(&mut self, doc: &Doc<'_>, indent: usize, after: usize) {
        match &doc.form {
            Form::Word(word) => self.word(*word, indent),
            Form::Blank => self.blank(),
            Form::Row(docs) => {
                for (at, doc) in docs.iter().enumerate() {
                    self.lay(doc, indent, lead(&docs[at + 1..], after));
                }
            }
            Form::Bracket(bracket) => {
                let on_one_line = !doc.breaks || doc.fits(self.room(after));
                self.lay_bracket(bracket, on_one_line, indent, after);
            }
            Form::Chain(chain) => {
                let on_one_line = doc.fits(self.room(after));
                self.lay_chain(chain, on_one_line, indent, after);
            }
        }
    }

    fn word(&mut self, word: Word<'_>, indent: usize) {
        if word.with_comments {
            self.comments(&word.mark.comments, indent + INDENT);
        }
        self.put(word.mark.text);
    }

    fn room(&self, after: usize) -> usize {
        WIDTH.saturating_sub(self.column() + after)
    }

    fn lay_bracket(&mut self, bracket: &Bracket<'_>, on_one_line: bool, indent: usize, after: usize) {
        self.word(bracket.opener, indent);
        if on_one_line || bracket.hugs {
            for (at, entry) in bracket.entries.iter().enumerate() {
                if at > 0 {
                    self.put(",");
                    self.blank();
                }
                self.lay(&entry.doc, indent, after + 1);
            }
            self.put(bracket.closer.text);
            return;
        }
        self.opened();
        for (at, entry) in bracket.entries.iter().enumerate() {
            let comma = bracket.may_end_with_comma || at + 1 < bracket.entries.len();
            self.lead(entry.first, indent + INDENT);
            self.lay(&entry.doc, indent + INDENT, usize::from(comma));
            if comma {
                self.put(",");
            }
            if let Some(comma) = entry.comma {
                self.comments(&comma.comments, indent + INDENT);
            }
        }
        self.lead(bracket.closer, indent + INDENT);
        self.line(indent);
        self.put(bracket.closer.text);
    }

    fn lay_chain(&mut self, chain: &Chain<'_>, on_one_line: bool, indent: usize, after: usize) {
        let crowded = chain.outside && self.crowded;
        let on_one_line =
            on_one_line || !chain.is_broken() && (crowded || self.fits_broken_inside(chain, indent, after));
        for (at, part) in chain.parts.iter().enumerate() {
            let following = chain.parts.get(at + 1).map(|next| 1 + next.doc.lead);
            if at == 0 {
                self.lay(&part.doc, indent, if on_one_line { following.unwrap_or(after) } else { 0 });
                continue;
            }
            if on_one_line || crowded && !part.newline {
                self.blank();
            } else {
                self.comments(&part.first.comments, indent + chain.indent);
                self.line(indent + chain.indent);
            }
            let after = match following {
                Some(_) if !on_one_line => 0,
                Some(following) => following,
                None => after,
            };
            self.lay(&part.doc, indent + if on_one_line { 0 } else { chain.indent }, after);
        }
    }

    /// All parts can stand beside each other when the one that is or may be broken is.
    fn fits_broken_inside(&self, chain: &Chain<'_>, indent: usize, after: usize) -> bool {
        let forced = chain.is_broken_inside();
        let Some(open) = chain.open().filter(|_| chain.last_may_break || forced) else {
            return false;
        };
        let behind = chain.parts.iter().rev().map_while(|part| part.doc.width).map(|width| width + 1);
        let behind = if forced { behind.sum() } else { 0 };
        open <= self.room(0) && indent + 1 + behind + after <= WIDTH
    }
}
