//! `report`: everything on one page, and beside it a file for what the page has no room for.

use std::path::Path;

use super::output::{Output, Place};
use super::{Ask, Exit, Notes, Read, Stop, by_id, findings, mask};
use crate::answer::report::{About, PARTS, Report, Sources};
use crate::answer::{Failures, Findings, LastAccessRows, Rows, covered};
use crate::cli::{Cli, ReportArgs};
use crate::hash::Hashed;
use crate::model::Service;
use crate::note::{Note, NoteKind};
use crate::plan::{Leaf, Plan};
use crate::read::Outcome;
use crate::render::{self, Answer, Shape, Summary};
use crate::resolve::Resolved;
use crate::runs::Runs;
use crate::streams::Streams;
