//! The little JSON that is written and read for each request.

use std::fmt::Write;

/// Writes the opening of an object, or the comma before a further field, and the field's name.
fn name(out: &mut String, name: &str) {
    out.push(if out.is_empty() { '{' } else { ',' });
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
}

/// An object in the making, in a buffer that is used again and again.
pub struct Object<'a>(&'a mut String);

impl<'a> Object<'a> {
    pub fn begin(out: &'a mut String) -> Self {
        out.clear();
        Self(out)
    }

    /// A field of text that needs no escapes: our own ids and passwords, a server's order ids.
    pub fn text(self, field: &str, value: &str) -> Self {
        debug_assert!(!value.contains(['"', '\\']), "{value}");
        name(self.0, field);
        self.0.push('"');
        self.0.push_str(value);
        self.0.push('"');
        self
    }

    pub fn number(self, field: &str, value: i64) -> Self {
        name(self.0, field);
        write!(self.0, "{value}").expect("a String takes all");
        self
    }

    /// A field whose value `write` writes.
    pub fn value(self, field: &str, write: impl FnOnce(&mut String)) -> Self {
        name(self.0, field);
        write(self.0);
        self
    }

    pub fn end(self) -> &'a [u8] {
        self.0.push('}');
        self.0.as_bytes()
    }
}

/// The text of a field at the top of an answer's object. Answers of the contract are flat where
/// this is used, so looking for the name is enough; where the text has escapes, the whole is read.
pub fn find_text<'a>(body: &'a [u8], field: &str) -> Option<std::borrow::Cow<'a, str>> {
    let text = std::str::from_utf8(body).ok()?;
    let after = after_name(text, field)?;
    let value = after.trim_start().strip_prefix('"')?;
    let end = value.find(['"', '\\'])?;
    if value.as_bytes()[end] == b'"' {
        return Some(value[..end].into());
    }
    let whole: serde_json::Value = serde_json::from_str(text).ok()?;
    let found = whole.get(field)?.as_str()?;
    Some(found.to_owned().into())
}

fn after_name<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        let at = rest.find(field)?;
        let is_opened = rest[..at].ends_with('"');
        rest = &rest[at + field.len()..];
        if let Some(after) = rest.strip_prefix('"').filter(|_| is_opened)
            && let Some(after) = after.trim_start().strip_prefix(':')
        {
            return Some(after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_written_field_by_field() {
        let mut out = String::from("left from before");
        let object = Object::begin(&mut out)
            .text("user_id", "li")
            .number("add_value", -5);
        let object = object.value("books", |out| out.push_str("[]"));
        assert_eq!(
            object.end(),
            br#"{"user_id":"li","add_value":-5,"books":[]}"#
        );
    }

    #[test]
    fn a_field_is_found_however_it_is_spaced_and_ordered() {
        let find = |body: &'static str| find_text(body.as_bytes(), "order_id");
        for body in [
            r#"{"message":"ok","order_id":"o-1"}"#,
            r#"{ "order_id" : "o-1", "message": "order_id" }"#,
            r#"{"message":"the order_id is","order_id":"o-1"}"#,
            r#"{"message":"ok","order_id":"o\u002d1"}"#,
        ] {
            assert_eq!(find(body).as_deref(), Some("o-1"), "{body}");
        }
        assert_eq!(find(r#"{"message":"ok"}"#), None);
        assert_eq!(find(r#"{"order_id":17}"#), None);
    }
}
