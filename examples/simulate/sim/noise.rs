//! Lines that are neither logins nor closes.

use super::config::Level;
use super::lines::push_number;
use super::rng::Rng;

/// Who writes a line of noise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    /// A process of the access service itself.
    Own,
    /// Another program.
    Other(&'static str),
}

/// A kind of noise: its writer, and the least verbose level at which it is logged.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) writer: Writer,
    pub(crate) level: Level,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Append,
    Fetch,
    Expunge,
    Alarm,
    MasterStart,
    Unopened,
    PurgeLock,
    Created,
}

/// Chooses a kind; the message trace is by far the most common.
pub(crate) fn kind(rng: &mut Rng) -> Kind {
    use Level::{Information, Notice};
    use Writer::{Other, Own};
    let (writer, level, what) = match rng.below(100) {
        0..=39 => (Other("ims_master"), Information, What::Append),
        40..=69 => (Own, Information, What::Fetch),
        70..=84 => (Own, Information, What::Expunge),
        85..=88 => (Other("msprobe"), Notice, What::Alarm),
        89..=93 => (Other("ims_master"), Notice, What::MasterStart),
        94..=96 => (Own, Notice, What::Unopened),
        97 => (Other("impurge"), Notice, What::PurgeLock),
        _ => (Other("ims_master"), Information, What::Created),
    };
    Kind { writer, level, what }
}

/// What a message of noise needs to know.
pub(crate) struct Scene<'a> {
    pub(crate) unix: i64,
    /// The stamp without brackets, `29/May/2019:10:44:56 +0200`.
    pub(crate) stamp: &'a [u8],
    pub(crate) user: &'a [u8],
}

impl Kind {
    /// Appends `Category Level: message`.
    pub(crate) fn push(self, out: &mut Vec<u8>, rng: &mut Rng, scene: &Scene<'_>) {
        match self.what {
            What::Append => trace(out, rng, scene, b"append", true),
            What::Fetch => trace(out, rng, scene, b"fetch", false),
            What::Expunge => trace(out, rng, scene, b"expunge", false),
            What::Alarm => {
                out.extend_from_slice(b"General Warning: alarmid=diskavail|instance=part");
                push_number(out, rng.below(200));
                out.extend_from_slice(b"|time=");
                out.extend_from_slice(scene.stamp);
                out.extend_from_slice(
                    b"|value=8|low=0|high=94|threshold(below)=10|count below threshold=14|warning sent=",
                );
                push_number(out, rng.below(900));
            }
            What::MasterStart => out.extend_from_slice(
                b"General Notice: Sun Java(tm) System Messaging Server 6.2 (built Dec  2 2004) starting up",
            ),
            What::Unopened => {
                out.extend_from_slice(b"Store Critical: Unable to open mailbox user/");
                out.extend_from_slice(scene.user);
                out.extend_from_slice(b": Mailbox does not exist");
            }
            What::PurgeLock => out.extend_from_slice(
                b"General Error: Could not get purge session lock. Possibly another impurge is running",
            ),
            What::Created => {
                out.extend_from_slice(b"General Information: Log created (");
                push_number(out, scene.unix.unsigned_abs());
                out.push(b')');
            }
        }
    }
}

/// `append:user:folder:size:<msgid>`, or without the size; no space follows the level's colon.
fn trace(out: &mut Vec<u8>, rng: &mut Rng, scene: &Scene<'_>, verb: &[u8], size: bool) {
    out.extend_from_slice(b"Store Information:");
    out.extend_from_slice(verb);
    out.push(b':');
    out.extend_from_slice(scene.user);
    out.extend_from_slice(b":user/");
    out.extend_from_slice(scene.user);
    out.push(b':');
    if size {
        push_number(out, rng.magnitude(9, 20));
        out.push(b':');
    }
    out.extend_from_slice(b"<Roam.SIMC.2.0.6.");
    push_number(out, scene.unix.unsigned_abs());
    out.push(b'.');
    push_number(out, rng.below(32_768));
    out.push(b'.');
    out.extend_from_slice(scene.user);
    out.extend_from_slice(if scene.user.contains(&b'@') { b">" } else { b"@siroe.example>" });
}
