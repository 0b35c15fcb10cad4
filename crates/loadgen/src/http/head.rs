//! The head of an answer: as much of it as is needed to find the body's end.

/// The longest head that is read.
pub const HEAD_MAX_BYTES: usize = 64 << 10;

/// How the body's end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// What the head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    pub framing: Framing,
    /// Whether the connection may be used again.
    pub keeps: bool,
    /// How long the head is, with the empty line at its end.
    pub length: usize,
}

/// Not an answer of HTTP/1.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// Reads the head that `bytes` begin with; nothing where its end is not there yet. Interim
/// answers (1xx) are skipped.
///
/// # Errors
/// Where this is no head, or none within [`HEAD_MAX_BYTES`].
pub fn parse(bytes: &[u8]) -> Result<Option<Head>, Malformed> {
    let mut skipped = 0;
    loop {
        let Some(mut head) = parse_one(&bytes[skipped..])? else {
            let is_too_long = bytes.len() - skipped > HEAD_MAX_BYTES;
            return if is_too_long {
                Err(Malformed)
            } else {
                Ok(None)
            };
        };
        head.length += skipped;
        if head.status >= 200 {
            return Ok(Some(head));
        }
        skipped = head.length;
    }
}

fn parse_one(bytes: &[u8]) -> Result<Option<Head>, Malformed> {
    let mut lines = Lines { bytes, at: 0 };
    let Some(first) = lines.next() else {
        return Ok(None);
    };
    let (status, mut keeps) = parse_status(first)?;
    let (mut length, mut is_chunked) = (None, false);
    loop {
        let Some(line) = lines.next() else {
            return Ok(None);
        };
        if line.is_empty() {
            break;
        }
        let colon = line
            .iter()
            .position(|byte| *byte == b':')
            .ok_or(Malformed)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        // The length of a name tells most of them apart without a look at it.
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                length = Some(parse_number(value)?);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                is_chunked = ends_with_ignoring_case(value, b"chunked");
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                keeps = match value {
                    value if value.eq_ignore_ascii_case(b"close") => false,
                    value if value.eq_ignore_ascii_case(b"keep-alive") => true,
                    _ => keeps,
                };
            }
            _ => {}
        }
    }
    let framing = match (status, is_chunked, length) {
        (100..200 | 204 | 304, _, _) => Framing::Length(0),
        (_, true, _) => Framing::Chunked,
        (_, false, Some(length)) => Framing::Length(length),
        (_, false, None) => Framing::UntilClose,
    };
    Ok(Some(Head {
        status,
        framing,
        keeps: keeps && framing != Framing::UntilClose,
        length: lines.at,
    }))
}

/// The lines that are there whole, without their ends.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        self.at += end + 1;
        let line = &rest[..end];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// The status, and whether that version keeps connections where nothing else is said.
fn parse_status(line: &[u8]) -> Result<(u16, bool), Malformed> {
    let rest = line.strip_prefix(b"HTTP/1.").ok_or(Malformed)?;
    let [minor, b' ', digits @ ..] = rest else {
        return Err(Malformed);
    };
    let digits = digits.get(..3).ok_or(Malformed)?;
    let status = parse_number(digits)?;
    let status = u16::try_from(status).map_err(|_| Malformed)?;
    match (status, minor) {
        (100..=999, b'0') => Ok((status, false)),
        (100..=999, b'1') => Ok((status, true)),
        _ => Err(Malformed),
    }
}

fn parse_number(digits: &[u8]) -> Result<usize, Malformed> {
    let text = std::str::from_utf8(digits).map_err(|_| Malformed)?;
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_plain.then(|| text.parse().ok()).flatten();
    number.ok_or(Malformed)
}

fn ends_with_ignoring_case(text: &[u8], end: &[u8]) -> bool {
    let at = text.len().checked_sub(end.len());
    at.is_some_and(|at| text[at..].eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        parse(text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn a_head_says_its_status_and_where_the_body_ends() {
        let text =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-LENGTH:  16 \r\n\r\n{";
        let expected = Head {
            status: 200,
            framing: Framing::Length(16),
            keeps: true,
            length: text.len() - 1,
        };
        assert_eq!(head(text), expected);
    }

    #[test]
    fn every_beginning_of_a_head_asks_for_more() {
        let text = "HTTP/1.1 517 \r\nContent-Length: 2\r\n\r\n";
        for end in 0..text.len() {
            assert_eq!(parse(&text.as_bytes()[..end]), Ok(None), "{end} bytes");
        }
        assert_eq!(head(text).status, 517);
    }

    #[test]
    fn chunks_win_over_a_length() {
        let said = head(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n",
        );
        assert_eq!(said.framing, Framing::Chunked);
        assert!(said.keeps);
    }

    #[test]
    fn who_closes_says_so_or_speaks_the_old_version_or_names_no_length() {
        assert!(!head("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n").keeps);
        assert!(!head("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keeps);
        assert!(
            head("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n").keeps
        );
        let endless = head("HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(
            (endless.framing, endless.keeps),
            (Framing::UntilClose, false)
        );
    }

    #[test]
    fn an_answer_without_a_body_has_none() {
        assert_eq!(
            head("HTTP/1.1 204 No Content\r\n\r\n").framing,
            Framing::Length(0)
        );
    }

    #[test]
    fn interim_answers_are_skipped() {
        let text =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\n";
        let said = head(text);
        assert_eq!((said.status, said.length), (401, text.len()));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for text in [
            "SSH-2.0-OpenSSH_9.6\r\n",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.1 2xx OK\r\n\r\n",
            "HTTP/1.1 20\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(Malformed), "{text}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(HEAD_MAX_BYTES));
        assert_eq!(parse(endless.as_bytes()), Err(Malformed));
    }
}
