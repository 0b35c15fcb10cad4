//! From a body's bytes to its structure, and from what is wrong with them to the field's name.

use std::fmt::Write;

use serde::de::DeserializeOwned;

use crate::error::{self, ErrorAnswer};
use crate::field::Object;

/// A longer path is cut: only a body with strange names in it has one.
const PATH_MAX_CHARACTERS: usize = 200;

/// Reads a body that is one JSON object.
///
/// # Errors
/// 400, with the name of the field.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ErrorAnswer> {
    // Fields that nobody knows are skipped without a look, so this is the place to look at all.
    let text = str::from_utf8(bytes).map_err(|_| error::invalid("the body is not UTF-8"))?;
    match serde_json::from_str::<Object<T>>(text) {
        Ok(Object(body)) => Ok(body),
        Err(_) => Err(explain::<T>(text)),
    }
}

/// Reads the body once more, keeping track of where in it one is.
fn explain<T: DeserializeOwned>(text: &str) -> ErrorAnswer {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, Object<T>>(&mut deserializer) {
        Err(error) => {
            let is_whole = error.path().iter().next().is_none();
            let path = if is_whole {
                String::new()
            } else {
                error.path().to_string()
            };
            describe(&path, error.inner())
        }
        // The object itself is fine: something stands behind it.
        Ok(_) => match deserializer.end() {
            Err(why) => error::invalid(format!("the body is not JSON: {why}")),
            Ok(()) => unreachable!("what failed once fails again"),
        },
    }
}

fn describe(path: &str, error: &serde_json::Error) -> ErrorAnswer {
    let path: String = path.chars().take(PATH_MAX_CHARACTERS).collect();
    let words = error.to_string();
    if !error.is_data() {
        let mut message = "the body is not JSON".to_owned();
        if !path.is_empty() {
            write!(message, " at `{path}`").expect("text takes everything");
        }
        return error::invalid(format!("{message}: {words}"));
    }
    let place = words.rfind(" at line ").unwrap_or(words.len());
    let words = &words[..place];
    for (start, is) in [
        ("missing field `", "is missing"),
        ("duplicate field `", "is given twice"),
    ] {
        if let Some(name) = words.strip_prefix(start) {
            let dot = if path.is_empty() { "" } else { "." };
            return error::invalid_field(&format!("{path}{dot}{}", name.trim_end_matches('`')), is);
        }
    }
    // What stands before "expected" may be what the client sent: a long text, or a password.
    let must_be = match (
        words.starts_with("invalid "),
        words.rsplit_once(", expected "),
    ) {
        (true, Some((_, expected))) => format!("must be {expected}"),
        _ => words.to_owned(),
    };
    if path.is_empty() {
        error::invalid(format!("the body {must_be}"))
    } else {
        error::invalid_field(&path, must_be)
    }
}

/// A body written the same way however the client wrote it, without the password: two bodies that
/// say the same are the same bytes.
///
/// # Errors
/// 400 for what [`parse`] skips and that is no JSON all the same, such as half a surrogate pair in
/// a field that nobody knows.
pub fn canonical(bytes: &[u8]) -> Result<Vec<u8>, ErrorAnswer> {
    let body: serde_json::Result<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_slice(bytes);
    let mut body = body.map_err(|why| error::invalid(format!("the body is not JSON: {why}")))?;
    body.remove("password");
    body.sort_keys();
    body.values_mut()
        .for_each(serde_json::Value::sort_all_objects);
    Ok(serde_json::to_vec(&body).expect("JSON can be written"))
}
