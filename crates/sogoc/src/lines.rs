//! JSON lines as they come in: bounded, one bad line at a time.

use std::io::{self, BufRead, BufReader, Read};

use sogoc_domain::command::Envelope;
use sogoc_domain::refusal::{Code, Refusal};

/// Longest line that is read, in bytes.
pub(crate) const LINE_BYTES_MAX: usize = 1 << 20;

/// Lines of commands from a reader.
pub(crate) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
}

impl<R: Read> Lines<BufReader<R>> {
    /// True where a whole line can be read without waiting for who writes it.
    pub(crate) fn are_ready(&self) -> bool {
        self.reader.buffer().contains(&b'\n')
    }
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new() }
    }

    /// The next line that is not blank: a command, or the refusal of a line that is none. `None` at the end.
    ///
    /// # Errors
    /// When reading fails.
    pub(crate) fn next(&mut self) -> io::Result<Option<Result<Envelope, Refusal>>> {
        loop {
            self.buffer.clear();
            let mut length = 0_usize;
            // Not `read_until`: a line without end must not take all memory. What is beyond the limit is counted only.
            loop {
                let available = match self.reader.fill_buf() {
                    Ok(available) => available,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                };
                if available.is_empty() {
                    break;
                }
                let end = available.iter().position(|b| *b == b'\n');
                let taken = end.map_or(available.len(), |at| at + 1);
                let room = (LINE_BYTES_MAX + 1).saturating_sub(self.buffer.len());
                self.buffer.extend_from_slice(&available[..taken.min(room)]);
                length += taken;
                self.reader.consume(taken);
                if end.is_some() {
                    break;
                }
            }
            if length == 0 {
                return Ok(None);
            }
            let content = self.buffer.trim_ascii();
            if length > LINE_BYTES_MAX {
                return Ok(Some(Err(malformed(format!("the line has {length} bytes, the limit is {LINE_BYTES_MAX}")))));
            }
            let content = content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(content);
            if !content.is_empty() {
                return Ok(Some(command(content)));
            }
        }
    }
}

fn command(line: &[u8]) -> Result<Envelope, Refusal> {
    let text = std::str::from_utf8(line)
        .map_err(|error| malformed(format!("byte {} of the line is not UTF-8", error.valid_up_to() + 1)))?;
    serde_json::from_str(text).map_err(|error| malformed(error.to_string()))
}

fn malformed(why: String) -> Refusal {
    // What serde says can repeat a value of the line: a hostile one is not echoed whole.
    const SHOWN_MAX: usize = 300;
    let why = if why.chars().count() > SHOWN_MAX {
        why.chars().take(SHOWN_MAX).chain(std::iter::once('…')).collect()
    } else {
        why
    };
    Refusal::new(Code::Malformed).with("why", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"account":"a","command_id":"0193a8e0-0000-7000-8000-000000000001","command":{"type":"approve-results","season":"s","number":1}}"#;

    fn read(bytes: &[u8]) -> Vec<Result<String, String>> {
        let mut lines = Lines::new(io::BufReader::with_capacity(7, bytes));
        std::iter::from_fn(|| lines.next().expect("memory can be read"))
            .map(|line| line.map(|e| e.account.to_string()).map_err(|r| r.values["why"].clone()))
            .collect()
    }

    #[test]
    fn blank_lines_crlf_and_a_byte_order_mark_are_passed_over() {
        let text = format!("\u{feff}{GOOD}\r\n\r\n   \n{GOOD}");
        assert_eq!(read(text.as_bytes()), [Ok("a".to_owned()), Ok("a".to_owned())]);
    }

    #[test]
    fn a_bad_line_is_refused_and_the_next_is_read() {
        let mut bytes = b"{\"account\":\"\xff\"}\nnonsense\n".to_vec();
        bytes.extend(std::iter::repeat_n(b'x', LINE_BYTES_MAX + 10));
        bytes.extend(format!("\n{GOOD}\n").bytes());
        let lines = read(&bytes);
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0], Err("byte 13 of the line is not UTF-8".to_owned()));
        assert!(lines[1].is_err());
        assert!(lines[2].as_ref().is_err_and(|why| why.contains("the limit is 1048576")), "{:?}", lines[2]);
        assert!(lines[3].is_ok());
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let line = GOOD.replace("\"number\":1", "\"number\":1,\"extra\":2");
        assert!(read(line.as_bytes())[0].as_ref().is_err_and(|why| why.contains("extra")));
    }
}
