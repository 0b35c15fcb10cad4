//! A body that comes in chunks.

use super::head::Malformed;

/// The longest line between chunks.
const LINE_MAX_BYTES: usize = 4 << 10;

/// Puts a body together from chunks, however they are cut on their way.
#[derive(Debug, Default)]
pub struct Chunked {
    /// How much of the input is done with.
    at: usize,
    part: Part,
}

#[derive(Debug, Default, Clone, Copy)]
enum Part {
    #[default]
    Size,
    Data(usize),
    /// The line end behind a chunk's data.
    DataEnd,
    /// What may follow the last chunk, up to an empty line.
    Trailer,
}

impl Chunked {
    /// Moves what is there of the body from `input` to `body`; `input` is all that came so far.
    /// Returns whether the body is whole.
    ///
    /// # Errors
    /// Where these are no chunks, or more of them than `max_bytes`.
    pub fn decode(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
        max_bytes: usize,
    ) -> Result<bool, Malformed> {
        loop {
            let rest = &input[self.at..];
            match self.part {
                Part::Data(left) => {
                    let taken = left.min(rest.len());
                    if body.len() + taken > max_bytes {
                        return Err(Malformed);
                    }
                    body.extend_from_slice(&rest[..taken]);
                    self.at += taken;
                    if taken < left {
                        self.part = Part::Data(left - taken);
                        return Ok(false);
                    }
                    self.part = Part::DataEnd;
                }
                Part::Size | Part::DataEnd | Part::Trailer => {
                    let Some(line) = self.line(rest)? else {
                        return Ok(false);
                    };
                    match (self.part, line.is_empty()) {
                        (Part::Trailer, true) => return Ok(true),
                        (Part::Trailer, false) => {}
                        (Part::DataEnd, true) => self.part = Part::Size,
                        (Part::DataEnd, false) => return Err(Malformed),
                        _ => {
                            self.part = match parse_size(line)? {
                                0 => Part::Trailer,
                                size => Part::Data(size),
                            }
                        }
                    }
                }
            }
        }
    }

    fn line<'a>(&mut self, rest: &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            let is_too_long = rest.len() > LINE_MAX_BYTES;
            return if is_too_long {
                Err(Malformed)
            } else {
                Ok(None)
            };
        };
        self.at += end + 1;
        let line = &rest[..end];
        Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
    }
}

fn parse_size(line: &[u8]) -> Result<usize, Malformed> {
    // Behind the size there may be extensions, which nobody needs.
    let digits = line.split(|byte| *byte == b';').next().unwrap_or(line);
    let digits = std::str::from_utf8(digits.trim_ascii()).map_err(|_| Malformed)?;
    usize::from_str_radix(digits, 16).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 1 << 20;

    #[test]
    fn chunks_come_together_wherever_they_are_cut() {
        let wire = b"5\r\n{\"a\":\r\n1;x=y\r\n1\r\n1\r\n}\r\n0\r\nTrailer: t\r\n\r\n";
        for cut in 0..wire.len() {
            let (mut chunked, mut body) = (Chunked::default(), Vec::new());
            let early = chunked.decode(&wire[..cut], &mut body, MAX);
            assert_eq!(early, Ok(false), "cut at {cut}");
            assert_eq!(chunked.decode(wire, &mut body, MAX), Ok(true));
            assert_eq!(body, b"{\"a\":1}", "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for wire in ["xyz\r\n", "-1\r\n", "2\r\nabc\r\n", "\r\n"] {
            let decoded = Chunked::default().decode(wire.as_bytes(), &mut Vec::new(), MAX);
            assert_eq!(decoded, Err(Malformed), "{wire}");
        }
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        let decoded = Chunked::default().decode(b"5\r\nabcde\r\n", &mut Vec::new(), 4);
        assert_eq!(decoded, Err(Malformed));
    }
}
