//! A damaged archive in a folder. It is held in memory as a whole before it is written.

use crate::args::Args;
use crate::disk::create;
use crate::pack::{Codec, pack};
use crate::sim::{Archive, Config, Damage, State, Summary, Wreck, simulate, wound_bytes};
use std::fs;
use std::io::{self, Write};

/// Simulates, does the damage, and writes what is left, the truth, and the list of all that was done.
pub(crate) fn write(args: &Args, config: &Config) -> io::Result<Summary> {
    let (seed, archive) = (config.seed, simulate(config));
    let mut wreck = Wreck::new(&archive.files);
    let packed = args.compress.iter().any(|codec| !matches!(codec, Codec::None));
    let (of_bytes, of_lines): (Vec<Damage>, Vec<Damage>) =
        args.damage.iter().partition(|damage| packed && damage.is_of_bytes());
    for damage in of_lines {
        wreck.suffer(damage, seed);
    }
    for (n, (path, bytes)) in wreck.files().iter().enumerate() {
        let target = args.out.join(path);
        create(&target)?.write_all(bytes)?;
        let codec = args.compress.get(n % args.compress.len().max(1)).copied().unwrap_or(Codec::None);
        // Every third of them, as with texts.
        let hit = of_bytes.iter().filter(|_| n % 3 == 0);
        let target = pack(&target, codec)?;
        for damage in hit {
            let mut bytes = fs::read(&target)?;
            wound_bytes(&mut bytes, *damage, seed + n as u64);
            fs::write(&target, bytes)?;
        }
    }
    truths(args, &archive)?;
    wounds(args, &archive, &wreck)?;
    Ok(archive.truth.summary)
}

fn truths(args: &Args, archive: &Archive) -> io::Result<()> {
    let mut out = Vec::new();
    if let Some(path) = &args.truth {
        archive.truth.sessions.iter().for_each(|session| session.push_json(&mut out));
        create(path)?.write_all(&out)?;
    }
    if let Some(path) = &args.failures {
        out.clear();
        archive.truth.failures.iter().for_each(|failure| failure.push_json(&mut out));
        create(path)?.write_all(&out)?;
    }
    if let Some(path) = &args.lives {
        out.clear();
        archive.truth.lives.iter().for_each(|life| life.push_json(&mut out));
        create(path)?.write_all(&out)?;
    }
    Ok(())
}

/// `{"file":"store1/imap","line":7,"fate":"gone"}` for every line that is not as it was, files and lines as without
/// damage, lines counted from 1. What damage to compressed bytes does to lines is not known here.
fn wounds(args: &Args, archive: &Archive, wreck: &Wreck) -> io::Result<()> {
    let Some(path) = &args.wounds else { return Ok(()) };
    let gone = wreck.gone.iter().map(|origin| (*origin, "gone"));
    let lines = wreck.logs.iter().flat_map(|log| &log.lines);
    let others = lines.filter_map(|line| match line.state {
        State::Whole => None,
        State::Altered => Some((line.origin, "altered")),
        State::Shifted(_) => Some((line.origin, "shifted")),
    });
    let mut all: Vec<_> = gone.chain(others).collect();
    all.sort_unstable();
    let mut out = create(path)?;
    for (origin, fate) in all {
        let (file, line) = (&archive.files[origin.file].0, origin.line + 1);
        writeln!(out, r#"{{"file":"{file}","line":{line},"fate":"{fate}"}}"#)?;
    }
    out.flush()
}
