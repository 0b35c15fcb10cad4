//! ISBNs: ten and thirteen digits, with and without hyphens, all made the thirteen digits.

/// The ISBN that a text is; `None` where it is something else. One of thirteen digits is taken as it
/// is, since sellers do print wrong check digits.
#[must_use]
pub(crate) fn isbn_of(text: &str) -> Option<String> {
    let mut digits = String::with_capacity(13);
    for character in text.chars() {
        match character {
            '0'..='9' => digits.push(character),
            'x' | 'X' if digits.len() == 9 => digits.push('x'),
            // Hyphens, dashes and spaces, of whatever width.
            '-' | ' ' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FF0D}' | '\u{3000}' => {}
            '０'..='９' => digits.push(char::from(
                b'0' + u8::try_from(u32::from(character) - 0xFF10).ok()?,
            )),
            _ => return None,
        }
        if digits.len() > 13 {
            return None;
        }
    }
    match digits.len() {
        13 if !digits.contains('x') => Some(digits),
        10 if is_ten(&digits) => Some(thirteen(&digits[..9])),
        _ => None,
    }
}

/// All ISBNs that a book's field names, separated by anything.
pub(crate) fn isbns_in(field: &str) -> impl Iterator<Item = String> + '_ {
    field
        .split([',', ';', '/', '、', '，', '；', ':', '：', '\n'])
        .filter_map(|part| {
            let part = part.trim().trim_start_matches(|character: char| {
                character.is_ascii_alphabetic() || character == ' '
            });
            isbn_of(part)
        })
}

/// Whether ten digits end with their check digit, so that not every phone number counts as one.
fn is_ten(digits: &str) -> bool {
    let sum: u32 = (1..=10)
        .rev()
        .zip(digits.chars())
        .map(|(weight, digit)| weight * digit.to_digit(10).unwrap_or(10))
        .sum();
    sum.is_multiple_of(11)
}

/// The thirteen digits of a book whose ten begin with these nine.
fn thirteen(nine: &str) -> String {
    let mut digits = format!("978{nine}");
    let sum: u32 = digits
        .chars()
        .zip([1, 3].into_iter().cycle())
        .map(|(digit, weight)| weight * digit.to_digit(10).unwrap_or(0))
        .sum();
    let check = (10 - sum % 10) % 10;
    digits.push(char::from_digit(check, 10).unwrap_or('0'));
    digits
}
