//! Summaries of trail files in the place of their texts, and what is to be told of trail files whichever is read.

use rayon::prelude::*;

use super::Outcome;
use crate::fold::Needs;
use crate::note::{Note, NoteKind};
use crate::plan::{Plan, Trail};
use crate::streams::Streams;
use crate::trail::{self, LastAccess, Merging, kept};

/// Takes the summaries that the plan chose, as though their texts had been read; what they know of users stands apart.
pub(super) fn take(plan: &Plan, streams: &Streams, needs: &Needs, outcome: &mut Outcome) -> Vec<LastAccess> {
    let (summed_up, others): (Vec<&Trail>, Vec<&Trail>) = plan.trails.iter().partition(|trail| trail.summed_up);
    outcome.notes.extend(others.iter().flat_map(|trail| trail.file.index.walk_notes.iter().cloned()));
    let size = summed_up.len().div_ceil(rayon::current_num_threads()).max(1);
    let merged: Vec<(trail::Trail, Vec<Note>)> =
        summed_up.par_chunks(size).map(|trails| merged(trails, streams, needs)).collect();
    let mut accesses = Vec::new();
    for (mut learned, notes) in merged {
        accesses.push(std::mem::take(&mut learned.access));
        outcome.trail = std::mem::take(&mut outcome.trail).merge(learned, streams);
        outcome.notes.extend(notes);
    }
    let texts = summed_up.iter().flat_map(|trail| trail.file.index.texts.iter().zip(&trail.texts));
    for (text, id) in texts {
        let (holes, damaged) = text.lost;
        if holes > 0 {
            outcome.holes.insert(*id, holes);
        }
        if damaged {
            outcome.damaged.insert(*id);
        }
    }
    outcome.notes.sort();
    accesses
}

/// What some trail files say of all that is asked for, and what was noted when they were made.
fn merged(trails: &[&Trail], streams: &Streams, needs: &Needs) -> (trail::Trail, Vec<Note>) {
    let (mut merging, mut notes) = (Merging::default(), Vec::new());
    for trail in trails {
        match summary(trail, streams) {
            Ok(mut learned) => {
                if !needs.users.is_empty() {
                    learned.access.retain(|user| needs.users.contains(user));
                    learned.traced.users.retain(|user| needs.users.contains(&**user));
                }
                merging.add(learned, streams);
                notes.extend(trail.file.index.read_notes.iter().cloned());
            }
            // It was what was written when the plan was made.
            Err(why) => {
                let text = format!("changed while it was read: {why}");
                notes.push(Note::new(trail.file.path.to_string_lossy(), NoteKind::Unreadable, text));
            }
        }
    }
    (merging.finish(streams), notes)
}

fn summary(trail: &Trail, streams: &Streams) -> Result<trail::Trail, String> {
    let bytes = trail.file.summary().map_err(|why| why.to_string())?;
    let file_of = |number: u32| trail.texts.get(usize::try_from(number).ok()?).copied();
    kept::read(&bytes, streams, &file_of).map_err(|why| why.to_string())
}
