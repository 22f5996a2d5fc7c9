//! Summaries of trail files in the place of their texts, and what is to be told of trail files whichever is read.

use super::Outcome;
use crate::fold::Needs;
use crate::note::{Note, NoteKind};
use crate::plan::{Plan, Trail};
use crate::streams::Streams;
use crate::trail::{LastAccess, Merging, kept};

/// Takes the summaries that the plan chose, as though their texts had been read.
pub(super) fn take(
    plan: &Plan,
    streams: &Streams,
    needs: &Needs,
    outcome: &mut Outcome,
    accesses: &mut Vec<LastAccess>,
) {
    let mut merging = Merging::default();
    for trail in &plan.trails {
        if !trail.summed_up {
            outcome.notes.extend(trail.file.index.walk_notes.iter().cloned());
            continue;
        }
        match summary(trail, streams) {
            Ok(mut learned) => {
                if !needs.users.is_empty() {
                    learned.access.retain(|user| needs.users.contains(user));
                    learned.traced.users.retain(|user| needs.users.contains(&**user));
                }
                merging.add(learned, streams);
                outcome.notes.extend(trail.file.index.read_notes.iter().cloned());
            }
            // It was what was written when the plan was made.
            Err(why) => {
                let text = format!("changed while it was read: {why}");
                outcome.notes.push(Note::new(trail.file.path.to_string_lossy(), NoteKind::Unreadable, text));
                outcome.damaged.extend(&trail.texts);
            }
        }
        for (text, id) in trail.file.index.texts.iter().zip(&trail.texts) {
            let (holes, damaged) = text.lost;
            if holes > 0 {
                outcome.holes.insert(*id, holes);
            }
            if damaged {
                outcome.damaged.insert(*id);
            }
        }
    }
    outcome.notes.sort();
    let mut learned = merging.finish(streams);
    accesses.push(std::mem::take(&mut learned.access));
    outcome.trail = std::mem::take(&mut outcome.trail).merge(learned, streams);
}

fn summary(trail: &Trail, streams: &Streams) -> Result<crate::trail::Trail, String> {
    let bytes = trail.file.summary().map_err(|why| why.to_string())?;
    let file_of = |number: u32| trail.texts.get(usize::try_from(number).ok()?).copied();
    kept::read(&bytes, streams, &file_of).map_err(|why| why.to_string())
}
