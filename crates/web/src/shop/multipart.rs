//! Forms with files: `multipart/form-data` (RFC 7578), as browsers write it, whole in memory.

use axum::body::Bytes;

/// How many parts a form may have.
const PARTS_MAX: usize = 128;
/// The limit of a boundary, in bytes (RFC 2046).
const BOUNDARY_MAX_BYTES: usize = 70;

/// What is in such a form, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parts {
    pub fields: Vec<(String, String)>,
    /// By the name of the field; without those where no file was chosen.
    pub files: Vec<(String, Bytes)>,
}

/// The boundary that a content type names.
pub fn boundary(content_type: &str) -> Option<&str> {
    let (essence, parameters) = content_type.split_once(';')?;
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let found = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_boundary = name.trim().eq_ignore_ascii_case("boundary");
        is_boundary.then(|| value.trim().trim_matches('"'))
    })?;
    (1..=BOUNDARY_MAX_BYTES)
        .contains(&found.len())
        .then_some(found)
}

/// The parts of a body; `None` where it is not one, or not whole.
pub fn read(body: &Bytes, boundary: &str) -> Option<Parts> {
    let delimiter = format!("\r\n--{boundary}");
    let mut parts = Parts::default();
    // The first delimiter has no line before it.
    let mut rest = body.strip_prefix(&delimiter.as_bytes()[2..])?;
    for _ in 0..=PARTS_MAX {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        let part = rest.strip_prefix(b"\r\n")?;
        let (head, content) = split_at(part, b"\r\n\r\n")?;
        let (content, behind) = split_at(content, delimiter.as_bytes())?;
        let disposition = disposition(str::from_utf8(head).ok()?)?;
        let name = quoted(disposition, "name")?.to_owned();
        if quoted(disposition, "filename").is_none() {
            let text = String::from_utf8(content.to_vec()).ok()?;
            parts.fields.push((name, text));
        } else if !content.is_empty() {
            parts.files.push((name, body.slice_ref(content)));
        }
        rest = behind;
    }
    None
}

/// What is before and behind the first place where `mark` is.
fn split_at<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut from = 0;
    loop {
        let found = from + bytes[from..].iter().position(|byte| *byte == mark[0])?;
        if bytes[found..].starts_with(mark) {
            return Some((&bytes[..found], &bytes[found + mark.len()..]));
        }
        from = found + 1;
    }
}

fn disposition(head: &str) -> Option<&str> {
    head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.eq_ignore_ascii_case("content-disposition");
        is_it.then_some(value)
    })
}

/// A parameter in quotes. Browsers write a quote inside as `%22`, so none is mistaken.
fn quoted<'a>(disposition: &'a str, parameter: &str) -> Option<&'a str> {
    let (_, value) = disposition.split_once(&format!("; {parameter}=\""))?;
    value.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "--x1\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\n\
        书 --x1 \r\n-\r\n--x1\r\ncontent-disposition: form-data; name=\"cover\"; \
        filename=\"a; name=%22b.png\"\r\nContent-Type: image/png\r\n\r\n\r\n\r\npng\r\n--x1\r\n\
        Content-Disposition: form-data; name=\"none\"; filename=\"\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n\r\n--x1--\r\n";

    #[test]
    fn fields_and_files_are_told_apart() {
        let parts = read(&Bytes::from(BODY), "x1").unwrap();
        let fields = [("title".to_owned(), "书 --x1 \r\n-".to_owned())];
        assert_eq!(parts.fields, fields);
        assert_eq!(
            parts.files,
            [("cover".to_owned(), Bytes::from("\r\n\r\npng"))]
        );
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        let end = BODY.rfind("--\r\n").unwrap();
        for length in 0..end {
            let cut = Bytes::copy_from_slice(&BODY.as_bytes()[..length]);
            assert_eq!(read(&cut, "x1"), None, "{length}");
        }
        assert_eq!(read(&Bytes::from(BODY), "x2"), None);
        let part = "\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--x1";
        let parts = |count| Bytes::from(format!("--x1{}--", part.repeat(count)));
        assert!(read(&parts(PARTS_MAX), "x1").is_some());
        assert_eq!(read(&parts(PARTS_MAX + 1), "x1"), None);
    }

    #[test]
    fn a_boundary_is_found() {
        let plain = "multipart/form-data; boundary=----WebKitFormBoundaryAbc";
        assert_eq!(boundary(plain), Some("----WebKitFormBoundaryAbc"));
        let quoted = "Multipart/Form-Data; charset=utf-8; BOUNDARY=\"a b\"";
        assert_eq!(boundary(quoted), Some("a b"));
        for other in [
            "multipart/form-data",
            "multipart/mixed; boundary=x",
            "multipart/form-data; boundary=",
        ] {
            assert_eq!(boundary(other), None);
        }
    }
}
