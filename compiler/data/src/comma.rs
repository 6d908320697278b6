//! Rows of CSV: a head, then lines of as many fields. A field that holds a comma stands in quotes (RFC 4180);
//! none goes on in the next line.

use crate::cell::Cell;
use crate::gathering::Gathering;
use crate::lines::{LONGEST_LINE, Lines};
use crate::refusal::Refusal;
use crate::schema::Schema;
use berth_language::data::Undecodable;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use num_rational::BigRational;
use std::io::BufRead;

/// The most columns that are told apart.
const MOST_COLUMNS: usize = 1_024;

/// Reads all rows.
pub fn gather<R: BufRead>(lines: &mut Lines<R>, step: &BigRational) -> Result<Gathering, Undecodable> {
    let mut fields = Fields::new();
    let head = match lines.next()? {
        Some(line) => fields.split(line).and_then(|()| {
            let names: Vec<&[u8]> = (0..fields.count).map(|index| fields.get(index)).collect();
            Schema::of(&names)
        }),
        None => Err(Refusal::new("the file is empty", "A trace has a head and at least one row.")),
    };
    let mut gathering = Gathering::new(head.map_err(|refusal| refusal.at(&lines.place()))?, step);
    let columns: Vec<usize> = gathering.schema().columns.iter().map(|column| column.index).collect();
    let expected = fields.count;
    while let Some(line) = lines.next()? {
        let taken = fields.split(line).and_then(|()| {
            if fields.count != expected {
                return Err(Refusal::new(
                    format!("{} where the head has {expected}", counted(fields.count)),
                    "Give every row as many fields as the head has.",
                ));
            }
            let mut row = [Cell::Missing; 3];
            for (cell, index) in row.iter_mut().zip(&columns) {
                *cell = Cell::Text(fields.get(*index));
            }
            gathering.take(&row)
        });
        taken.map_err(|refusal| refusal.at(&lines.place()))?;
    }
    Ok(gathering)
}

fn counted(fields: usize) -> String {
    if fields == 1 { "1 field".to_owned() } else { format!("{fields} fields") }
}

/// The fields of one line.
struct Fields {
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Fields {
    fn new() -> Self {
        let reader = ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build();
        Self { reader, text: vec![0; LONGEST_LINE], ends: vec![0; MOST_COLUMNS], count: 0 }
    }

    fn split(&mut self, line: &[u8]) -> Result<(), Refusal> {
        self.reader.reset();
        let (mut read, written, mut count);
        let mut result;
        (result, read, written, count) = self.reader.read_record(line, &mut self.text, &mut self.ends);
        if matches!(result, ReadRecordResult::InputEmpty) && read == line.len() {
            let (text, ends) = (self.text.get_mut(written..), self.ends.get_mut(count..));
            let more;
            (result, read, _, more) =
                self.reader.read_record(b"\n", text.unwrap_or_default(), ends.unwrap_or_default());
            // A line that ends inside quotes has not ended.
            if matches!(result, ReadRecordResult::InputEmpty) && read == 1 {
                return Err(Refusal::new(
                    "a quote is opened and not closed on this line",
                    "Close it; a field cannot go on in the next line.",
                ));
            }
            count += more;
        }
        self.count = count;
        match result {
            ReadRecordResult::Record => Ok(()),
            _ => Err(Refusal::new(
                format!("more than {MOST_COLUMNS} columns"),
                "Keep those that are read: the time and the tokens, or the reading.",
            )),
        }
    }

    /// The field at `index`, empty where there is none.
    fn get(&self, index: usize) -> &[u8] {
        let begin = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(index).and_then(|end| self.text.get(begin..*end)).unwrap_or_default()
    }
}
