//! Users in two words and a number: most sites give names with numbers in them, which are shorter as numbers.

/// So many digits always fit.
const DIGITS: usize = 15;

/// What stands before the number, the number, and what follows it. The number is of the last digits before an at sign, without zeros before
/// them; where there are none, the user is all before it.
pub(super) fn parts(user: &[u8]) -> (&[u8], Option<u64>, &[u8]) {
    let local = memchr::memchr(b'@', user).unwrap_or(user.len());
    let is_digit = |b: &u8| b.is_ascii_digit();
    let Some(end) = user[..local].iter().rposition(is_digit).map(|last| last + 1) else { return (user, None, b"") };
    let begin =
        user[..end].iter().rposition(|b| !is_digit(b)).map_or(0, |before| before + 1).max(end.saturating_sub(DIGITS));
    let zeros = user[begin..end].iter().take_while(|b| **b == b'0').count();
    let begin = begin + zeros;
    if begin == end {
        return (user, None, b"");
    }
    let number = user[begin..end].iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0'));
    (&user[..begin], Some(number), &user[end..])
}

/// Puts the user of such parts behind what is there.
pub(super) fn join(head: &[u8], number: Option<u64>, tail: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(head);
    if let Some(number) = number {
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }
    out.extend_from_slice(tail);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_joined_again() {
        let cases: &[(&str, &str, Option<u64>, &str)] = &[
            ("ed", "ed", None, ""),
            ("", "", None, ""),
            ("v.martin58161", "v.martin", Some(58_161), ""),
            ("user11940@siroe.example", "user", Some(11_940), "@siroe.example"),
            ("ed@mail2.example", "ed@mail2.example", None, ""),
            ("s0012x", "s00", Some(12), "x"),
            ("a1b22c", "a1b", Some(22), "c"),
            ("x000", "x000", None, ""),
            ("2019@x", "", Some(2019), "@x"),
            ("99999999999999999999", "99999", Some(999_999_999_999_999), ""),
        ];
        for (user, head, number, tail) in cases {
            assert_eq!(parts(user.as_bytes()), (head.as_bytes(), *number, tail.as_bytes()), "{user}");
            let mut joined = Vec::new();
            join(head.as_bytes(), *number, tail.as_bytes(), &mut joined);
            assert_eq!(joined, user.as_bytes());
        }
    }
}
