//! Trail files in a plan: each of their texts is a unit, under the path of its log.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use super::{Entry, Input, Peeked, Plan, Trail, Unit, shown};
use crate::kept::{Block, Section, Text, TrailFile};
use crate::trail::FileId;

/// The texts of trail files so far, and which entries they are: a log that is in several trail files is read once.
pub(super) type Seen = HashMap<Text, usize>;

/// A text without the places of its blocks, and what was taken from them: what makes two texts the same.
fn identity(text: &Text) -> Text {
    let block = |block: &Block| Block { packed: Section { at: 0, ..block.packed }, dates: None, ..*block };
    let blocks = text.blocks.iter().map(block).collect();
    Text { blocks, shown: BTreeSet::new(), copy_of: text.copy_of.map(|_| 0), ..text.clone() }
}

/// The texts of a trail file as entries of the plan, which also takes what was noted when the file was made.
pub(super) fn entries(file: Arc<TrailFile>, plan: &mut Plan, entries: &mut Vec<Entry>, seen: &mut Seen) {
    let trail = plan.trails.len();
    plan.notes.extend(file.index.notes.iter().cloned());
    plan.walk_notes.extend(file.index.walk_notes.iter().cloned());
    for (number, text) in file.index.texts.iter().enumerate() {
        let place = *seen.entry(identity(text)).or_insert(entries.len());
        if let Some(known) = entries.get_mut(place) {
            known.kept.push((trail, number));
            continue;
        }
        let size = text.blocks.iter().fold(0, |size: u64, block| size.saturating_add(block.packed.length));
        let input = Input::Trail(Arc::clone(&file), number);
        let unit = Unit { input, path: path_of(text).to_owned(), size, plain: false, leaves: Vec::new() };
        let (path, texts) = (text.path.clone(), vec![peeked(text)]);
        entries.push(Entry { path, unit, texts, kept: vec![(trail, number)] });
    }
    let texts = vec![FileId(u32::MAX); file.index.texts.len()];
    plan.trails.push(Trail { file, texts, summed_up: false });
}

/// The path of the log that a text was.
fn path_of(text: &Text) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(&text.path))
}

fn peeked(text: &Text) -> Peeked {
    Peeked {
        shown: shown(path_of(text), &text.member),
        name: text.name.clone(),
        kind: text.nature.kind(),
        size: text.size,
        head: text.head.clone(),
        holed: false,
    }
}

/// Marks copies (R13) that were found when trail files were made.
pub(super) fn mark(plan: &mut Plan) {
    let Plan { trails, leaves, .. } = plan;
    for Trail { file, texts, .. } in trails {
        for (text, id) in file.index.texts.iter().zip(texts.iter()) {
            let of = text.copy_of.and_then(|of| texts.get(usize::try_from(of).ok()?));
            let leaf = usize::try_from(id.0).ok().and_then(|id| leaves.get_mut(id));
            if let (Some(of), Some(leaf)) = (of, leaf) {
                leaf.copy_of = Some(*of);
            }
        }
    }
}

/// Chooses trail files whose summaries, made in this way, stand for their texts: each text counts once, and copies (R13) not at all.
///
/// # Errors
/// A trail file without lines is not chosen, and has a text that no other stands for.
pub(super) fn sum_up(plan: &mut Plan, how: &[u8; 32]) -> io::Result<()> {
    let mut largest_first: Vec<usize> = (0..plan.trails.len()).collect();
    largest_first.sort_by_key(|number| std::cmp::Reverse(plan.trails.get(*number).map(|trail| trail.texts.len())));
    let mut taken: BTreeSet<FileId> = BTreeSet::new();
    for number in largest_first {
        let Some(trail) = plan.trails.get(number).filter(|trail| trail.file.is_summed_up(how)) else { continue };
        // A copy of what lies in another file was counted when the summary was made.
        let is_new_copy = |(text, id): (&Text, &FileId)| {
            text.copy_of.is_none() && plan.leaf(*id).is_some_and(|leaf| leaf.copy_of.is_some())
        };
        let is_apart = trail.texts.iter().all(|id| !taken.contains(id))
            && !trail.file.index.texts.iter().zip(&trail.texts).any(is_new_copy);
        if is_apart {
            taken.extend(&trail.texts);
        }
        plan.trails.iter_mut().skip(number).take(1).for_each(|trail| trail.summed_up = is_apart);
    }
    let leaf = |id: &FileId| plan.leaf(*id).map_or("", |leaf| &leaf.shown);
    let lost = |trail: &Trail| trail.texts.iter().find(|id| !taken.contains(id)).map(leaf).map(str::to_owned);
    let brief = plan.trails.iter().filter(|trail| trail.file.index.brief);
    match brief.filter_map(|trail| Some((trail, lost(trail)?))).next() {
        None => Ok(()),
        Some((trail, _)) => Err(io::Error::other(format!(
            "{}: was made with --brief, and shares logs with another trail file, so that it cannot be counted: leave one of them out, or make them without --brief",
            trail.file.path.display()
        ))),
    }
}
