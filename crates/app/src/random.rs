//! The machine's random numbers: nowhere else are any drawn.

/// Random bytes fit for keys.
///
/// # Panics
/// If the machine has no random numbers; nothing here could be trusted then.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the machine gives random numbers");
    bytes
}
