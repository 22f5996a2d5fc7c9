//! Sample lines: what a template must read is said beside it, and held against it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::dialect::{Grammars, Template};
use super::matcher::Hole;
use super::{Prefix, envelope, message, syslog};

/// A line that a template must read, and the fields that it must find.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The whole line.
    pub line: String,
    /// Field name to text.
    #[serde(default)]
    pub expect: BTreeMap<String, String>,
}

impl Sample {
    /// Whether `template` reads this line, and not another of `templates`, which are in order of precedence.
    ///
    /// # Errors
    /// Says what is wrong with the sample, or what was read instead.
    pub(super) fn check(&self, template: &Template, templates: &[Template], grammars: &Grammars) -> Result<(), String> {
        let Some((process, message)) = opened(self.line.as_bytes()) else {
            return Err("its line has no envelope (date, host, process, category and level)".to_owned());
        };
        let fields = match grammars.first_of(templates, process, message) {
            None => return Err("the template does not fit its line".to_owned()),
            Some((other, _)) if !std::ptr::eq(other, template) => {
                return Err(format!("the template \"{}\" stands before it and reads its line", other.text));
            }
            Some((_, fields)) => fields,
        };
        for (name, expected) in &self.expect {
            let hole = Hole::named(name).filter(|hole| template.holes().any(|h| h == *hole));
            let Some(hole) = hole else {
                return Err(format!("the template has no field '{name}' to expect"));
            };
            let got = fields.text(hole);
            if got != *expected {
                return Err(format!("field '{name}': expected \"{expected}\", got \"{got}\""));
            }
        }
        Ok(())
    }
}

/// Process and message of a whole line, behind syslog or not.
fn opened(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let native = match syslog(line) {
        _ if line.contains(&b'\n') => return None,
        Ok((_, Prefix::Bare(_, origin, body))) => return Some((origin.process, message(body).ok()?.0)),
        Ok((_, Prefix::Native(native))) => native,
        Err(_) => line,
    };
    let (_, read) = envelope(native).ok()?;
    Some((read.origin.process, read.message))
}
