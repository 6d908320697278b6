//! A trace that is longer than memory should be.

use super::*;
use std::io::Read;

/// Rows of a plain trace, made as they are read.
struct Endless {
    row: u64,
    rows: u64,
    text: Vec<u8>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.text.len() < buffer.len() && self.row < self.rows {
            let row = self.row;
            // Every token count and gap differs from the one before; the widest spread that is taken.
            let line = format!(
                "{}.{:06},{},{}\n",
                row / 10,
                row % 10 * 99_999,
                row * 7_919 % (1 << 32),
                row % 50_021
            );
            self.text.extend_from_slice(line.as_bytes());
            self.row += 1;
        }
        let count = self.text.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.text[..count]);
        self.text.drain(..count);
        Ok(count)
    }
}

/// The summary's size does not depend on the number of rows.
#[test]
fn a_summary_is_small_however_long_the_trace() {
    let rows = 2_000_000;
    let text = "time,prompt,output\n".as_bytes().to_vec();
    let data = decode_stream(Endless { row: 0, rows, text }, &wanted("-", 3_600)).unwrap();
    let Rows::Requests(requests) = data.rows else { panic!() };
    assert_eq!(requests.count, rows);
    assert_eq!(requests.arrivals.len(), 56);
    for sample in [requests.prompt.unwrap(), requests.output.unwrap()] {
        assert!(sample.values.len() <= 1_000);
        assert_eq!(sample.values.iter().map(|(_, count)| count).sum::<u64>(), rows);
    }
}
