//! Lines to measure with: always the same, and as many as fill a block.

use std::fmt::Write;

/// About how much text a benchmark reads at a time, in bytes: more than the second cache holds of tables, less than would take long.
pub const SIZE: usize = 4 << 20;

/// A line of this shape; `n` makes it differ from others.
pub type Shape = fn(u64) -> String;

/// Scatters numbers.
fn scattered(n: u64) -> u64 {
    n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40
}

/// The clock at line `n`, a hundred lines a second.
fn clock(n: u64) -> String {
    let second = n / 100;
    format!("{:02}:{:02}:{:02}", 8 + second / 3600 % 12, second / 60 % 60, second % 60)
}

fn head(n: u64) -> String {
    format!("[29/May/2019:{} +0200] store1 imapd[{}]: ", clock(n), 100 + n % 16)
}

/// Peer and user of session `n`, with a port.
fn who(n: u64) -> String {
    let user = scattered(n) % 200_000;
    format!("[192.0.{}.{}:{}] user{user}", user / 250 % 250, user % 250, 1024 + n % 60_000)
}

pub fn login(n: u64) -> String {
    format!("{}Account Information: login {} plaintext\n", head(n), who(n))
}

pub fn close(n: u64) -> String {
    format!("{}Account Notice: close {} 2019/5/29 {} 0:00:00 12483 52510 1\n", head(n), who(n), clock(n))
}

pub fn trace(n: u64) -> String {
    let user = scattered(n) % 200_000;
    format!("{}Store Information: append:user{user}:INBOX:{}:<{n}.17@example.com>\n", head(n), 1000 + n % 9000)
}

pub fn unknown(n: u64) -> String {
    format!("{}General Warning: quota of mailbox {} is at {} percent\n", head(n), scattered(n), n % 100)
}

/// A native line behind a prefix of syslog.
pub fn prefixed(n: u64) -> String {
    format!("<38>May 29 {} store1 imap: {}", clock(n), login(n))
}

/// A line of which only the date of syslog is left.
pub fn bare(n: u64) -> String {
    let message = format!("Account Information: login {} plaintext\n", who(n));
    format!("May 29 {} store1 imapd[{}]: {message}", clock(n), 100 + n % 16)
}

/// So many sessions are open at a time.
const OPEN: u64 = 3000;

/// A login, or the close of the session that logged in a while before: an archive of level Information. The first closes are
/// of sessions from before it.
pub fn session(n: u64) -> String {
    let number = n / 2;
    if n.is_multiple_of(2) {
        return format!("{}Account Information: login {} plaintext\n", head(n), who(number));
    }
    let (who, start, second) = match number.checked_sub(OPEN) {
        Some(number) => (who(number), clock(2 * number), n / 100 - 2 * number / 100),
        None => (who(number + 30_000), "7:00:00".to_owned(), 3600 + n / 100),
    };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let close = format!("close {who} 2019/5/29 {start} {hour}:{minute:02}:{second:02} 12483 52510 1");
    format!(
        "[29/May/2019:{} +0200] store1 imapd[{}]: Account Notice: {close}\n",
        clock(n),
        100 + 2 * number.wrapping_sub(OPEN) % 16
    )
}

/// As many lines of a shape as make [`SIZE`] bytes.
pub fn text(shape: Shape) -> Vec<u8> {
    let mut text = String::with_capacity(SIZE + 1000);
    let mut n = 0;
    while text.len() < SIZE {
        let _ = write!(text, "{}", shape(n));
        n += 1;
    }
    text.into_bytes()
}

/// The name of a user, a moment in half a year, in seconds, and a number: all of a hundred thousands of them differ, and none is in order.
pub fn user(n: u64) -> (String, u64, u64) {
    const FIRST: [&str; 16] = [
        "anna", "ben", "carla", "dirk", "elif", "frank", "greta", "hans", "ines", "jan", "karin", "lars", "mia",
        "nils", "olga", "paul",
    ];
    const LAST: [&str; 16] = [
        "schmidt", "maier", "weber", "fischer", "koch", "bauer", "richter", "klein", "wolf", "neumann", "schwarz",
        "braun", "lange", "krause", "vogel", "roth",
    ];
    let seed = scattered(n);
    let name = |of: [&'static str; 16], at: u64| of[at as usize % 16];
    (format!("{}.{}{n}", name(FIRST, seed), name(LAST, seed >> 4)), scattered(seed) % 15_000_000, seed >> 8)
}
